"""What crosses the gateway: nothing of ours, of the browser or of the way between."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.gateway.headers import Header, inward, outward

HOP_BY_HOP = [
    b"connection",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
]
NEVER_INWARD = [
    *HOP_BY_HOP,
    # what signs a person in to us, and what is ours
    *[b"authorization", b"cookie", b"x-hearth", b"x-hearth-anything"],
    # what we set ourselves
    *[b"host", b"content-length"],
    # where the request came from
    *[b"origin", b"referer", b"forwarded", b"via", b"true-client-ip", b"cf-connecting-ip"],
    *[b"x-forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"],
    *[b"x-forwarded-prefix", b"x-real-ip", b"x-original-url", b"x-original-forwarded-for"],
    *[b"sec-fetch-site", b"sec-fetch-mode", b"sec-ch-ua", b"sec-websocket-key"],
    # what would have another server do something before it answers
    *[b"expect", b"http2-settings"],
]
NEVER_OUTWARD = [
    *HOP_BY_HOP,
    *[b"set-cookie", b"set-cookie2", b"clear-site-data", b"strict-transport-security"],
    *[b"access-control-allow-origin", b"access-control-allow-credentials"],
    *[b"access-control-allow-headers", b"access-control-expose-headers"],
    *[b"cross-origin-opener-policy", b"cross-origin-resource-policy"],
    *[b"content-security-policy", b"content-security-policy-report-only", b"x-frame-options"],
    *[b"location", b"refresh", b"alt-svc", b"nel", b"report-to", b"server", b"sourcemap"],
    *[b"service-worker-allowed", b"www-authenticate", b"x-hearth", b"x-hearth-anything"],
]

Crossing = Callable[[list[Header]], list[Header]]


def names(headers: list[Header]) -> set[bytes]:
    return {name.lower() for name, _ in headers}


@pytest.mark.parametrize("name", NEVER_INWARD)
def test_infobip_never_gets(name: bytes) -> None:
    for spelling in (name, name.upper(), name.title()):
        assert inward([(spelling, b"1"), (b"accept", b"*/*")]) == [(b"accept", b"*/*")]


@pytest.mark.parametrize("name", NEVER_OUTWARD)
def test_a_page_never_gets(name: bytes) -> None:
    for spelling in (name, name.upper(), name.title()):
        assert outward([(spelling, b"1"), (b"etag", b"7")]) == [(b"etag", b"7")]


@pytest.mark.parametrize(
    "name",
    [
        *[b"x-http-method-override", b"x-http-method", b"x-method-override"],
        *[b"x-rewrite-url", b"x-client-ip", b"x-cluster-client-ip"],
    ],
)
def test_infobip_never_gets_a_second_opinion_on_method_address_or_sender(name: bytes) -> None:
    """The policy judged the method and path; a header must not replace them behind its back."""
    assert inward([(name, b"DELETE")]) == []


@pytest.mark.parametrize("crossing", [inward, outward])
@pytest.mark.parametrize("name", [b"x-never-heard-of", b"", b" content-type", b"content-type "])
def test_a_header_that_nobody_vouched_for_does_not_cross(crossing: Crossing, name: bytes) -> None:
    assert crossing([(name, b"1")]) == []


@pytest.mark.parametrize("name", [b"X_HEARTH", b"x_forwarded_for", b"content_length", b"a_b"])
def test_infobip_never_gets_a_name_that_servers_confuse_with_another(name: bytes) -> None:
    assert inward([(name, b"1")]) == []


def test_a_pages_own_headers_reach_infobip() -> None:
    given = [
        (b"Accept", b"application/json"),
        (b"Accept-Encoding", b"gzip, br"),
        (b"Accept-Language", b"hr"),
        (b"Content-Type", b"application/json; charset=utf-8"),
        (b"X-Agent-Id", b"7"),
        (b"If-None-Match", b'"a"'),
        (b"Range", b"bytes=0-9"),
    ]
    assert inward(given) == [(name.lower(), value) for name, value in given]


def test_infobips_answer_reaches_the_page() -> None:
    given = [
        (b"Content-Type", b"application/json"),
        (b"Content-Encoding", b"gzip"),
        (b"Content-Length", b"12"),
        (b"ETag", b'"a"'),
        (b"Retry-After", b"7"),
        (b"X-RateLimit-Remaining", b"9"),
        (b"Content-Disposition", b'attachment; filename="a.pdf"'),
    ]
    assert outward(given) == [(name.lower(), value) for name, value in given]


def test_repeated_headers_and_odd_bytes_stay_as_they_are() -> None:
    given = [
        (b"content-language", b"1"),
        (b"content-type", b"\xff\xfe"),
        (b"content-language", b"2"),
    ]
    assert inward(given) == given
    assert outward(given) == given


@pytest.mark.parametrize("crossing", [inward, outward])
@pytest.mark.parametrize(
    "connection",
    [
        [(b"connection", b"content-language")],
        [(b"Connection", b"close, Content-Language")],
        [(b"CONNECTION", b"content-language,keep-alive")],
        [(b"connection", b"close"), (b"connection", b" \tCONTENT-LANGUAGE\t ")],
        [(b"connection", b",,content-language,,")],
    ],
)
def test_a_header_that_connection_names_stays_on_this_side(
    crossing: Crossing, connection: list[Header]
) -> None:
    for spelling in (b"content-language", b"Content-Language"):
        given = [(spelling, b"1"), *connection, (b"content-type", b"1")]
        assert crossing(given) == [(b"content-type", b"1")]
        assert crossing([*connection, (spelling, b"1"), (b"content-type", b"1")]) == [
            (b"content-type", b"1")
        ]


# --- anything at all --------------------------------------------------------------------------

hostile = settings(deadline=None, max_examples=100)


def in_any_case(name: bytes) -> st.SearchStrategy[bytes]:
    letters = [st.sampled_from([bytes([c]), bytes([c]).upper()]) for c in name]
    return st.tuples(*letters).map(b"".join)


known_names = st.sampled_from([*NEVER_INWARD, *NEVER_OUTWARD, b"accept", b"content-type", b"etag"])
any_names = known_names.flatmap(in_any_case) | st.binary(max_size=12)
any_headers = st.lists(st.tuples(any_names, st.binary(max_size=12)), max_size=8)
connections = st.lists(any_names, max_size=4).map(
    lambda tokens: (b"Connection", b", ".join(tokens))
)


@hostile
@given(headers=any_headers, connection=connections)
def test_nothing_forbidden_ever_crosses(headers: list[Header], connection: Header) -> None:
    given = [*headers, connection]
    for crossing, never in ((inward, NEVER_INWARD), (outward, NEVER_OUTWARD)):
        crossed = crossing(given)
        assert not names(crossed) & {*never}
        assert not any(name.startswith((b"x-hearth", b"connection")) for name in names(crossed))
        named = {token.strip().lower() for token in connection[1].split(b",")}
        assert not names(crossed) & named
    assert not any(name.startswith((b"x-forwarded", b"sec-")) for name in names(inward(given)))
    assert not any(name.startswith(b"access-control-") for name in names(outward(given)))


@hostile
@given(headers=any_headers)
def test_what_crosses_was_given_and_keeps_its_order(headers: list[Header]) -> None:
    lowered = [(name.lower(), value) for name, value in headers]
    for crossing in (inward, outward):
        remaining = iter(lowered)
        assert all(header in remaining for header in crossing(headers))


@hostile
@given(headers=any_headers)
def test_a_second_crossing_changes_nothing(headers: list[Header]) -> None:
    for crossing in (inward, outward):
        assert crossing(crossing(headers)) == crossing(headers)
