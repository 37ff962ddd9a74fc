"""What is matched is what is sent: no path means one thing to us and another behind us."""

from urllib.parse import unquote, unquote_to_bytes

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.errors.requests import MalformedRequest
from app.gateway.paths import Segments, read_path, write_path
from app.infobip.calls import Calls
from app.infobip.http1_connection import Limits
from app.infobip.transport import Transport
from tests.infobip.loopback import answered, loopback


@pytest.mark.parametrize(
    ("raw", "segments"),
    [
        (b"/sms/2/text/advanced", ("sms", "2", "text", "advanced")),
        (b"/people", ("people",)),
        (b"/a%20b/c", ("a b", "c")),
        (b"/%C3%BC/%E2%82%AC", ("ü", "€")),
        (b"/%61%62c", ("abc",)),
        (b"/.../..a/a../.a", ("...", "..a", "a..", ".a")),
        (b"/-._~!$&'()*+,=:@", ("-._~!$&'()*+,=:@",)),
        (b"/a+b", ("a+b",)),
        (b"/%2B", ("+",)),
        (b"/%3F%23", ("?#",)),
        (b"/**/*", ("**", "*")),
        (b"/OAuth", ("OAuth",)),
        (b"/" + b"a" * 4095, ("a" * 4095,)),
    ],
)
def test_a_path_is_read_into_its_decoded_segments(raw: bytes, segments: Segments) -> None:
    assert read_path(raw) == segments


@pytest.mark.parametrize(
    ("segments", "written"),
    [
        (("sms", "2", "text"), "/sms/2/text"),
        (("a b", "ü"), "/a%20b/%C3%BC"),
        (("?#", "a+b"), "/%3F%23/a+b"),
        (("-._~!$&'()*+,=:@",), "/-._~!$&'()*+,=:@"),
        (('"<>`{}|^[]',), "/%22%3C%3E%60%7B%7D%7C%5E%5B%5D"),
    ],
)
def test_segments_are_written_in_one_way(segments: Segments, written: str) -> None:
    assert write_path(segments) == written


@pytest.mark.parametrize(
    "raw",
    [
        # no path at all
        *[b"", b"a", b"sms/2", b"?", b"*", b"http://evil.example/a", b"\\a"],
        # empty segments
        *[b"/", b"//", b"//evil.example/a", b"/a//b", b"/a/", b"/a/b/"],
        # dot segments, plain and in disguise
        *[b"/.", b"/..", b"/a/./b", b"/a/../b", b"/../a", b"/a/.."],
        *[b"/%2e", b"/%2E%2e", b"/.%2e", b"/a/%2e%2e/b", b"/%2e./a"],
        # slashes and backslashes in disguise
        *[b"/a%2fb", b"/a%2Fb", b"/a\\b", b"/a%5cb", b"/..\\a", b"/..%5Ca", b"/%2f"],
        # percent signs in disguise: decoded once more they might be anything
        *[b"/%25", b"/%252e%252e", b"/a%252fb", b"/%25252e", b"/%%32%65", b"/100%25"],
        # broken escapes
        *[b"/%", b"/%2", b"/%zz", b"/a%", b"/%u002e", b"/%-1", b"/% 2"],
        # path parameters
        *[b"/a;b", b"/..;/a", b"/a;jsessionid=1", b"/a%3bb", b"/%2e%2e%3b/a"],
        # control characters, blanks, bytes that are not ASCII
        *[b"/a%00", b"/%00", b"/a%0d%0ab", b"/a%0a", b"/a%09", b"/a%1f", b"/a%7f", b"/a\x00"],
        *[b"/a b", b"/a\tb", b"/a\r\nb", b"/a\n", "/ü".encode(), b"/\xff", b"/\x7f"],
        # not UTF-8, overlong forms of `.` and `/`, surrogates
        *[b"/%ff", b"/%c0%ae%c0%ae", b"/%c0%af", b"/%e0%80%af", b"/%ed%a0%80", b"/%c3"],
        # too long
        b"/" + b"a" * 4096,
    ],
)
def test_a_path_that_two_servers_may_read_differently_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedRequest):
        read_path(raw)


# --- anything at all --------------------------------------------------------------------------

hostile = settings(deadline=None, max_examples=100)
pieces = st.sampled_from(
    [
        *[b"/", b".", b"..", b"%2e", b"%2F", b"%5c", b"\\", b"%25", b"%", b"2e", b"2f", b";"],
        *[b"a", b"oauth", b"%C3%BC", b"%00", b"%0a", b"?", b"#", b"%3F", b"+", b"*", b":", b"@"],
        *[b"%c0%ae", b"\xc3\xbc", b"%EF%BC%8F", b"%E2%80%AE", b"%C2%85", b" ", b"|", b"'"],
    ]
)
mangled = st.lists(pieces, max_size=12).map(lambda parts: b"/" + b"".join(parts)) | st.binary()


def escaped(character: str) -> st.SearchStrategy[bytes]:
    """A character as a caller may write it: percent-encoded, or plain where that is possible."""
    encoded = "".join(f"%{byte:02x}" for byte in character.encode())
    ways = [encoded.encode(), encoded.upper().encode()]
    return st.sampled_from([character.encode(), *ways] if "!" <= character <= "~" else ways)


characters = st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/\\%;")
segments_as_sent = st.lists(
    (characters | st.sampled_from("..?#")).flatmap(escaped), min_size=1, max_size=5
).map(b"".join)
plausible = st.lists(segments_as_sent, min_size=1, max_size=4).map(
    lambda parts: b"/" + b"/".join(parts)
)
raw_paths = plausible | mangled


def accepted(raw: bytes) -> Segments | None:
    try:
        return read_path(raw)
    except MalformedRequest:
        return None


@hostile
@given(raw=raw_paths)
def test_no_bytes_raise_anything_but_a_malformed_request(raw: bytes) -> None:
    try:
        segments = read_path(raw)
    except MalformedRequest:
        return
    assert segments


@hostile
@given(raw=raw_paths)
@example(raw=b"/%3F%23/%20")
def test_what_is_accepted_survives_being_written_and_read(raw: bytes) -> None:
    segments = accepted(raw)
    if segments is None:
        return
    written = write_path(segments)
    assert read_path(written.encode("ascii")) == segments
    assert len(written.split("/")) == len(raw.split(b"/"))


@hostile
@given(raw=raw_paths)
def test_what_is_accepted_stays_the_same_however_often_it_is_decoded(raw: bytes) -> None:
    segments = accepted(raw)
    if segments is None:
        return
    sent = write_path(segments)
    decoded, again = sent, unquote(sent, errors="strict")
    while again != decoded:
        decoded, again = again, unquote(again, errors="strict")
    assert tuple(decoded[1:].split("/")) == segments
    for segment in segments:
        assert segment not in ("", ".", "..")
        assert not set(segment) & set("/\\;%\x00\r\n")


@hostile
@given(raw=plausible)
def test_a_path_of_harmless_segments_is_accepted(raw: bytes) -> None:
    decoded = {unquote_to_bytes(part) for part in raw[1:].split(b"/")}
    assert (accepted(raw) is None) == bool(decoded & {b".", b".."})


@hostile
@given(raw=raw_paths)
def test_what_is_accepted_is_what_was_meant(raw: bytes) -> None:
    """Nothing is normalised away: byte for byte, the segments are those that came."""
    segments = accepted(raw)
    if segments is None:
        return
    assert [unquote_to_bytes(part) for part in raw[1:].split(b"/")] == [
        segment.encode() for segment in segments
    ]


@hostile
@given(raw=raw_paths)
def test_an_http_client_leaves_a_written_path_as_it_is(raw: bytes) -> None:
    segments = accepted(raw)
    if segments is None:
        return
    written = write_path(segments)
    assert httpx.URL("https://api.infobip.com" + written).raw_path == written.encode()


@pytest.mark.anyio
async def test_every_character_that_is_accepted_goes_over_the_wire_as_written() -> None:
    refused = "/\\%;.\x7f"
    single = (chr(code) for code in range(0x20, 0x100) if chr(code) not in refused)
    segments = (*single, "...", "a..", ".a", "€", "😀")
    async with loopback(answered()) as server, Transport() as transport:
        answer = await Calls(transport=transport).open(
            "GET",
            server.url + write_path(segments),
            authorization="IBSSO t",
            headers=[],
            body=None,
            limits=Limits(silence_seconds=20, longest_seconds=20),
        )
        await answer.close()
    (request,) = server.received
    assert request.target == write_path(segments)
    assert read_path(request.target.encode()) == segments
