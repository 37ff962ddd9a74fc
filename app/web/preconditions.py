"""`If-Match` and `If-None-Match` (RFC 9110 §13.1) for the settings of an account."""

import re

from starlette.datastructures import Headers

from app.errors.requests import MalformedRequest
from app.models.account_settings import Expected, tag_of

_TAGS = re.compile(
    r'\s*(?:W/)?"[\x21\x23-\x7e]*"(?:\s*,\s*(?:W/)?"[\x21\x23-\x7e]*")*\s*', re.ASCII
)
_STRONG = re.compile(r'(?<!W/)"((\d{1,18})-[0-9a-f]{16})"', re.ASCII)
_NEW = Expected(versions=(0,))


def expected_by(headers: Headers, account_key: str) -> Expected | None:
    """The versions that the caller wants to change; None where it does not say.

    Raises MalformedRequest. Weak tags match nothing here, as the standard wants it.
    """
    matching = _listed(headers, "if-match")
    if matching == "*":
        return Expected(any_saved=True)
    if matching is not None:
        return Expected(versions=tuple(_versions(matching, account_key)))
    absent = _listed(headers, "if-none-match")
    if absent is None:
        return None
    if absent != "*":
        raise MalformedRequest("Of If-None-Match, only * is understood here.")
    return _NEW


def is_known(headers: Headers, tag: str) -> bool:
    """Whether the caller has this version already."""
    known = headers.get("if-none-match", "")
    return known.strip() == "*" or f'"{tag}"' in known


def _listed(headers: Headers, name: str) -> str | None:
    value = ",".join(headers.getlist(name)).strip()
    if not value:
        return None
    if value != "*" and not _TAGS.fullmatch(value):
        raise MalformedRequest(f"{name} is no list of ETags.")
    return value


def _versions(tags: str, account_key: str) -> list[int]:
    found = [(match[1], int(match[2])) for match in _STRONG.finditer(tags)]
    return [version for tag, version in found if tag == tag_of(account_key, version)]
