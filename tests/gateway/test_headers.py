"""What crosses the gateway: what is known to be harmless, and nothing else."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.gateway.headers import Header, inward, outward

INWARD = [
    *[b"accept", b"accept-encoding", b"accept-language"],
    *[b"content-encoding", b"content-language", b"content-type", b"range"],
    *[b"if-match", b"if-modified-since", b"if-none-match", b"if-range", b"if-unmodified-since"],
    b"x-agent-id",
]
OUTWARD = [
    *[b"content-disposition", b"content-encoding", b"content-language", b"content-length"],
    *[b"content-range", b"content-type", b"accept-ranges", b"etag", b"last-modified", b"vary"],
    *[b"retry-after", b"x-ratelimit-limit", b"x-ratelimit-remaining", b"x-ratelimit-reset"],
    *[b"ratelimit", b"ratelimit-limit", b"ratelimit-policy"],
]
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
    *[b"cache-control", b"expires", b"pragma", b"age", b"date", b"link", b"origin-agent-cluster"],
    *[b"x-accel-redirect", b"x-accel-buffering", b"x-sendfile", b"surrogate-control"],
]

Crossing = Callable[[list[Header]], list[Header]]


SPELLINGS = (bytes.lower, bytes.upper, bytes.title)


@pytest.mark.parametrize("spelled", SPELLINGS)
@pytest.mark.parametrize("name", INWARD)
def test_infobip_gets(name: bytes, spelled: Callable[[bytes], bytes]) -> None:
    assert inward([(spelled(name), b"1")]) == [(name, b"1")]


@pytest.mark.parametrize("spelled", SPELLINGS)
@pytest.mark.parametrize("name", OUTWARD)
def test_a_page_gets(name: bytes, spelled: Callable[[bytes], bytes]) -> None:
    assert outward([(spelled(name), b"1")]) == [(name, b"1")]


@pytest.mark.parametrize("name", NEVER_INWARD)
def test_infobip_never_gets(name: bytes) -> None:
    for spelled in SPELLINGS:
        assert inward([(spelled(name), b"1"), (b"accept", b"*/*")]) == [(b"accept", b"*/*")]


@pytest.mark.parametrize("name", NEVER_OUTWARD)
def test_a_page_never_gets(name: bytes) -> None:
    for spelled in SPELLINGS:
        assert outward([(spelled(name), b"1"), (b"etag", b"7")]) == [(b"etag", b"7")]


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
@pytest.mark.parametrize(
    "name",
    [b"x-never-heard-of", b"", b" content-type", b"content-type ", b"x-ratelimit", b"xratelimit-a"],
)
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


known_names = st.sampled_from([*INWARD, *OUTWARD, *NEVER_INWARD, *NEVER_OUTWARD])
any_names = known_names.flatmap(in_any_case) | st.binary(max_size=12)
any_headers = st.lists(st.tuples(any_names, st.binary(max_size=12)), max_size=8)
connections = st.lists(any_names, max_size=4).map(
    lambda tokens: (b"Connection", b", ".join(tokens))
)


@hostile
@given(headers=any_headers, connection=connections)
def test_nothing_crosses_but_what_is_vouched_for(headers: list[Header], connection: Header) -> None:
    named = {token.strip().lower() for token in connection[1].split(b",")}
    for crossing, known in ((inward, INWARD), (outward, OUTWARD)):
        for name, _ in crossing([*headers, connection]):
            assert name in known or name.startswith((b"x-ratelimit-", b"ratelimit"))
            assert name not in named
    assert not any(b"ratelimit" in name for name, _ in inward(headers))


@hostile
@given(headers=any_headers)
def test_all_that_is_vouched_for_crosses(headers: list[Header]) -> None:
    """`Connection` alone can hold a header back that is known."""
    quiet = [(name.lower(), value) for name, value in headers if name.lower() != b"connection"]
    for crossing, known in ((inward, INWARD), (outward, OUTWARD)):
        crossed = [header for header in crossing(quiet) if header[0] in known]
        assert crossed == [header for header in quiet if header[0] in known]


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
