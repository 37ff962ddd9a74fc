"""Front ends that are hosted elsewhere: which pages may complete a flow themselves."""

import re
from collections.abc import Collection

from app.errors.requests import MalformedRequest
from app.infobip.hosts import read_base_url

_LONGEST = 2_048
_QUERY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*", re.ASCII)


def judge_front_end(
    url: str | None, *, own_origin: str, listed_origins: Collection[str]
) -> str | None:
    """The address of a page on a listed origin, or of a front end that we serve; None is none.

    Raises MalformedRequest: a code goes to this address, so nothing about it may be in doubt.
    """
    if url is None:
        return None
    base, _, query = url.partition("?")
    parts = read_base_url(base)
    if parts is None or len(url) > _LONGEST or not _QUERY.fullmatch(query):
        raise MalformedRequest("frontEnd is not the address of a page.")
    own = parts.origin == own_origin and parts.path.startswith("/ui/")
    if not own and parts.origin not in listed_origins:
        raise MalformedRequest("frontEnd is on an origin that CORS_ORIGINS does not list.")
    return url
