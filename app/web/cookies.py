"""Our cookies: the session's, one for each authorisation flow under way, two of activation.

All are `__Host-` (Secure, whole origin, no Domain). Where we are framed they are partitioned by
the site that frames us (CHIPS), which is what browsers keep where they block third-party cookies;
on pages of our own they are Lax. Starlette writes `Partitioned` on Python 3.14 and later only,
so the header is written here.
"""

import secrets
import time
from collections.abc import Iterable, Mapping

SESSION_COOKIE = "__Host-hearth-session"
ACTIVATION_COOKIE = "__Host-hearth-activation"
"""The address on our site where an activation that is under way was begun."""
RECEIPT_COOKIE = "__Host-hearth-receipt"
"""What the page after an activation shows, sealed."""
_OURS = "__Host-hearth-"
_FLOW_PREFIX = "__Host-hearth-flow-"
_MOST_FLOWS = 8
"""A page may open several cards at once; beyond that the oldest flow is given up."""

_FRAMED = "SameSite=None; Partitioned"
_TOP_LEVEL = "SameSite=Lax"


def our_cookies(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Our cookies among the raw headers of a request.

    Read by the letter: parsers that strip more than blank and tab, or unquote names, see ours in
    cookies that a neighbouring subdomain was free to set. One that comes twice is none.
    """
    found: dict[str, str] = {}
    twice: set[str] = set()
    for header, value in headers:
        if header != b"cookie":
            continue
        for pair in value.decode("latin-1").split(";"):
            name, _, content = pair.strip(" \t").partition("=")
            if name in found:
                twice.add(name)
            elif name.startswith(_OURS):
                found[name] = content
    return {name: content for name, content in found.items() if name not in twice}


def set_cookie(name: str, value: str, *, max_age_seconds: int, framed: bool = True) -> str:
    """The value of a Set-Cookie header. `framed`: for a page that stands inside another site."""
    kind = _FRAMED if framed else _TOP_LEVEL
    return f"{name}={value}; Max-Age={max_age_seconds}; Path=/; Secure; HttpOnly; {kind}"


def clear_cookie(name: str, *, framed: bool = True) -> str:
    """The value of a Set-Cookie header that removes a cookie."""
    return set_cookie(name, "", max_age_seconds=0, framed=framed)


def new_flow_name() -> str:
    """A name for one flow's cookie; names sort by the time they were made."""
    return f"{_FLOW_PREFIX}{int(time.time()):010x}{secrets.token_hex(4)}"


def flow_secrets(cookies: Mapping[str, str]) -> list[str]:
    """What the browser brought for flows under way, newest first, as many as we ever gave."""
    return [cookies[name] for name in reversed(_flow_names(cookies))][: _MOST_FLOWS + 1]


def flow_cookies_to_clear(cookies: Mapping[str, str], *, finished: str | None = None) -> list[str]:
    """Names of flow cookies that are of no more use: the finished flow's, or the oldest.

    Loads of one state may share a secret, each in a cookie of its own: one of them goes.
    """
    names = _flow_names(cookies)
    if finished is not None:
        return [name for name in names if cookies[name] == finished][:1]
    return names[: max(0, len(names) - _MOST_FLOWS + 1)]


def _flow_names(cookies: Mapping[str, str]) -> list[str]:
    return sorted(name for name in cookies if name.startswith(_FLOW_PREFIX))
