"""Where activation may lead back to: a path of our own site, or below an allowed address."""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from app.errors.sign_in import ReturnTargetRefused
from app.infobip.hosts import read_base_url

_LONGEST = 2_048
_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9._~!$&'()*+,;=:@%/-]*", re.ASCII)
_REST = re.compile(r"(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?(?:#[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")
_DOTS = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_ENCODED_SEPARATOR = re.compile(r"%(?:2f|5c|0[0-9a-f]|1[0-9a-f]|7f)", re.IGNORECASE)


class ReturnTargets:
    """`allowed` are absolute URLs; each allows itself and what lies under its path."""

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = tuple(allowed)

    def judge(self, target: str | None) -> str | None:
        """The target as it may be redirected to; None when there is none.

        Raises ReturnTargetRefused for whatever two programs might read differently.
        """
        if not target:
            return None
        if len(target) > _LONGEST or not self._is_good(target):
            raise ReturnTargetRefused
        return target

    def _is_good(self, target: str) -> bool:
        base = re.split(r"[?#]", target, maxsplit=1)[0]
        if not _REST.fullmatch(target[len(base) :]):
            return False
        if base.startswith("/"):
            return bool(_PATH.fullmatch(base)) and _is_plain(base)
        return any(_lies_under(base, prefix) for prefix in self._allowed)


def _lies_under(base: str, prefix: str) -> bool:
    ours, theirs = read_base_url(prefix), read_base_url(base)
    if ours is None or theirs is None or ours.origin != theirs.origin:
        return False
    if not _is_plain(theirs.path or "/"):
        return False
    folder = ours.path if ours.path.endswith("/") else f"{ours.path}/"
    return theirs.path == ours.path or f"{theirs.path}/" == folder or theirs.path.startswith(folder)


def _is_plain(path: str) -> bool:
    """Without dot segments and without separators in disguise."""
    return not _DOTS.search(path) and not _ENCODED_SEPARATOR.search(path) and "//" not in path


def host_of(target: str) -> str | None:
    """The host of an absolute target, to show to a person; None for our own site."""
    return urlsplit(target).netloc or None
