"""Answers in any pieces are the same answers; bytes that are none are told so, and no more."""

from dataclasses import dataclass

from hypothesis import assume, given
from hypothesis import strategies as st

from app.infobip.errors import Unreachable
from app.infobip.http1_answer import Headers, Http1Answer

NAMES = st.from_regex(rb"x-[a-z]{1,8}", fullmatch=True)
VALUES = st.from_regex(
    rb"([\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]{0,9}[\x21-\x7e])?)?", fullmatch=True
)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=5)
BODIES = st.lists(st.binary(min_size=1, max_size=40), max_size=4)
EARLY = st.sampled_from(
    [b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 x\r\nlink: a\r\n\r\n"]
)
CUTS = st.lists(st.integers(0, 600), max_size=30)


@dataclass(frozen=True)
class Sent:
    raw: bytes
    status: int
    headers: Headers
    body: bytes
    is_last: bool
    """Because it ends with its connection."""


@st.composite
def answers(draw: st.DrawFn) -> Sent:
    status = draw(st.sampled_from([200, 201, 401, 404, 503]))
    headers, parts = draw(HEADERS), draw(BODIES)
    body = b"".join(parts)
    framing = draw(st.sampled_from(["length", "chunks", "end"]))
    if framing == "length":
        headers.append((b"content-length", b"%d" % len(body)))
        sent = body
    elif framing == "chunks":
        headers.append((b"transfer-encoding", b"chunked"))
        sent = b"".join(b"%x;a=b\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    else:
        sent = body
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    raw = draw(EARLY) + b"HTTP/1.1 %d x\r\n%b\r\n%b" % (status, lines, sent)
    return Sent(raw, status, headers, body, is_last=framing == "end")


def pieces(raw: bytes, cuts: list[int]) -> list[bytes]:
    ends = sorted({cut for cut in cuts if cut < len(raw)} | {len(raw)})
    return [raw[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def fed(raw: bytes, cuts: list[int], *, is_to_head: bool = False) -> tuple[Http1Answer, bytes]:
    answer = Http1Answer()
    answer.begin(is_to_head=is_to_head)
    body = b""
    for piece in pieces(raw, cuts):
        answer.feed(piece)
        body += answer.take()
    return answer, body


@given(answers(), CUTS)
def test_an_answer_is_the_same_in_whatever_pieces_it_comes(sent: Sent, cuts: list[int]) -> None:
    answer, body = fed(sent.raw, cuts)
    assert answer.is_whole != sent.is_last
    answer.end()

    assert answer.is_whole
    assert answer.is_last == sent.is_last
    assert (answer.status, answer.headers, body) == (sent.status, sent.headers, sent.body)


@given(answers(), CUTS, st.integers(1, 600))
def test_half_an_answer_is_never_whole(sent: Sent, cuts: list[int], missing: int) -> None:
    assume(not sent.is_last)
    answer, _ = fed(sent.raw[:-missing], cuts)
    answer.end()

    assert not answer.is_whole


@given(answers(), answers(), CUTS)
def test_what_comes_after_an_answer_is_nobodys(sent: Sent, evil: Sent, cuts: list[int]) -> None:
    assume(not sent.is_last)
    answer, body = fed(sent.raw + evil.raw, cuts)

    assert (answer.status, answer.headers, body) == (sent.status, sent.headers, sent.body)
    assert answer.is_whole
    assert answer.is_last


@given(answers(), CUTS, st.data())
def test_altered_bytes_are_an_answer_or_unreachable(
    sent: Sent, cuts: list[int], data: st.DataObject
) -> None:
    raw = bytearray(sent.raw)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        raw[start : start + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    outcomes: set[tuple[int, bool, bytes] | None] = set()
    for some_cuts in ([], cuts, list(range(len(raw)))):
        try:
            answer, body = fed(bytes(raw), some_cuts)
        except Unreachable:
            outcomes.add(None)
        else:
            outcomes.add((answer.status, answer.is_whole, body))
    assert len(outcomes) == 1


@given(st.binary(max_size=200), CUTS, st.booleans())
def test_any_bytes_are_an_answer_or_unreachable(
    raw: bytes, cuts: list[int], is_to_head: bool
) -> None:
    try:
        answer, _ = fed(raw, cuts, is_to_head=is_to_head)
    except Unreachable:
        return
    assert not answer.is_whole
