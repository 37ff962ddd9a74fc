"""Which headers cross the gateway, in both directions: those that are known to be harmless.

Everything else stays behind: cookies, credentials, what names the way or overrides the method
inward; what acts on our origin, on caches or on proxies outward.
"""

from collections.abc import Iterable

Header = tuple[bytes, bytes]

_INWARD = {
    b"accept",
    b"accept-encoding",
    b"accept-language",
    b"content-encoding",
    b"content-language",
    b"content-type",
    b"if-match",
    b"if-modified-since",
    b"if-none-match",
    b"if-range",
    b"if-unmodified-since",
    b"range",
    b"x-agent-id",
}
"""Seen: `x-agent-id`, on messages of an assigned conversation."""

_OUTWARD = {
    b"accept-ranges",
    b"content-disposition",
    b"content-encoding",
    b"content-language",
    b"content-length",
    b"content-range",
    b"content-type",
    b"etag",
    b"last-modified",
    b"retry-after",
    b"vary",
}
_OUTWARD_PREFIXES = (b"x-ratelimit-", b"ratelimit")


def inward(headers: Iterable[Header]) -> list[Header]:
    """What Infobip gets of the page's request: nothing of ours, of the browser, of the way."""
    given = [(name.lower(), value) for name, value in headers]
    named = _named_by_connection(given)
    return [(name, value) for name, value in given if name in _INWARD and name not in named]


def outward(headers: Iterable[Header]) -> list[Header]:
    """What the page gets of Infobip's answer: nothing that acts on our origin."""
    given = [(name.lower(), value) for name, value in headers]
    named = _named_by_connection(given)
    return [
        (name, value)
        for name, value in given
        if (name in _OUTWARD or name.startswith(_OUTWARD_PREFIXES)) and name not in named
    ]


def _named_by_connection(headers: Iterable[Header]) -> set[bytes]:
    """Headers that `Connection` declares to be for this hop only (RFC 9110 §7.6.1)."""
    return {
        token.strip().lower()
        for name, value in headers
        if name == b"connection"
        for token in value.split(b",")
    }
