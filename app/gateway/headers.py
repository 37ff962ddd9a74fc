"""Which headers cross the gateway, in both directions."""

from collections.abc import Iterable

Header = tuple[bytes, bytes]

_HOP_BY_HOP = {
    b"connection",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
}
_NOT_INWARD = _HOP_BY_HOP | {
    b"authorization",
    b"content-length",
    b"cookie",
    b"expect",
    b"forwarded",
    b"host",
    b"http2-settings",
    b"origin",
    b"referer",
    b"true-client-ip",
    b"via",
}
_NOT_INWARD_PREFIXES = (b"x-hearth", b"x-forwarded", b"x-real-", b"x-original-", b"sec-", b"cf-")
_NOT_OUTWARD = _HOP_BY_HOP | {
    b"alt-svc",
    b"clear-site-data",
    b"content-security-policy",
    b"content-security-policy-report-only",
    b"location",
    b"nel",
    b"refresh",
    b"report-to",
    b"server",
    b"service-worker-allowed",
    b"set-cookie",
    b"set-cookie2",
    b"sourcemap",
    b"strict-transport-security",
    b"www-authenticate",
    b"x-frame-options",
}
_NOT_OUTWARD_PREFIXES = (b"access-control-", b"cross-origin-", b"x-hearth")


def inward(headers: Iterable[Header]) -> list[Header]:
    """What Infobip gets of the page's request: nothing of ours, of the browser, of the way."""
    given = [(name.lower(), value) for name, value in headers]
    named = _named_by_connection(given)
    return [
        (name, value)
        for name, value in given
        if name not in _NOT_INWARD
        and name not in named
        and b"_" not in name
        and not name.startswith(_NOT_INWARD_PREFIXES)
    ]


def outward(headers: Iterable[Header]) -> list[Header]:
    """What the page gets of Infobip's answer: nothing that acts on our origin."""
    given = [(name.lower(), value) for name, value in headers]
    named = _named_by_connection(given)
    return [
        (name, value)
        for name, value in given
        if name not in _NOT_OUTWARD
        and name not in named
        and not name.startswith(_NOT_OUTWARD_PREFIXES)
    ]


def _named_by_connection(headers: Iterable[Header]) -> set[bytes]:
    """Headers that `Connection` declares to be for this hop only (RFC 9110 §7.6.1)."""
    return {
        token.strip().lower()
        for name, value in headers
        if name == b"connection"
        for token in value.split(b",")
    }
