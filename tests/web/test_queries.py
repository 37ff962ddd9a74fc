"""Query strings: kept to the letter, or refused in our own words."""

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.errors.requests import AddressTooLong, MalformedRequest
from app.models.flow import Params
from app.web.queries import read_query, single, with_query, without

STATE = re.compile(r"[\x20-\x7e]{1,512}", re.ASCII)


@pytest.mark.parametrize(
    ("raw", "params"),
    [
        (b"", ()),
        (b"a=1", (("a", "1"),)),
        (b"b=2&a=1&b=3", (("b", "2"), ("a", "1"), ("b", "3"))),
        (b"a=&b", (("a", ""), ("b", ""))),
        (b"=x", (("", "x"),)),
        (b"&&a=1&", (("a", "1"),)),
        (b"a=1=2", (("a", "1=2"),)),
        (b"a=x+y%20z%2B", (("a", "x y z+"),)),
        (b"a=1;b=2", (("a", "1;b=2"),)),
        (b"n%C3%A4me=%E2%82%AC", (("näme", "€"),)),
        (b"a=%F0%9F%98%80", (("a", "😀"),)),
        (b"a=%", (("a", "%"),)),
        (b"a=%zz", (("a", "%zz"),)),
        (b"a=<script>'\"", (("a", "<script>'\""),)),
        (b"state=WeHH_yy2irpl8UY&conversationId=c-1", None),
    ],
)
def test_parameters_are_read_in_their_order(raw: bytes, params: Params | None) -> None:
    expected = (("state", "WeHH_yy2irpl8UY"), ("conversationId", "c-1"))
    assert read_query(raw) == (expected if params is None else params)


@pytest.mark.parametrize(
    "raw",
    [
        # control characters, in values and in names
        *[b"a=%00", b"a=x%00y", b"%00=a", b"a=%0a", b"a=%0d%0aset-cookie:x", b"a=%09", b"a=%1f"],
        *[b"a=%7f", b"%0a=1", b"a=\x00", b"a=\n", b"a=\x7f"],
        # not UTF-8, overlong forms, surrogates
        *[b"a=%ff", b"%ff=a", b"a=%c0%80", b"a=%c0%ae", b"a=%ed%a0%80", b"a=%e2%82", b"a=%c3("],
        # bytes that have to be encoded
        *["a=ü".encode(), b"a=\xff", "ü=1".encode()],
    ],
)
def test_what_cannot_be_kept_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read_query(raw)
    assert caught.value.status == 400


def test_the_longest_query_is_four_kibibytes() -> None:
    assert read_query(b"a=" + b"x" * 4_094) == (("a", "x" * 4_094),)
    with pytest.raises(AddressTooLong) as caught:
        read_query(b"a=" + b"x" * 4_095)
    assert caught.value.status == 414


def test_the_length_is_judged_before_the_content() -> None:
    with pytest.raises(AddressTooLong):
        read_query(b"\xff" * 100_000)


@pytest.mark.parametrize("separator", [b"&a=1", b"&a"])
def test_there_are_64_parameters_at_most(separator: bytes) -> None:
    assert len(read_query(b"a=1" + separator * 63)) == 64
    with pytest.raises((AddressTooLong, MalformedRequest)):
        read_query(b"a=1" + separator * 64)


# --- one value --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "value"),
    [
        ((), None),
        ((("other", "x"),), None),
        ((("state", ""),), None),
        ((("state", "s"),), "s"),
        ((("a", "1"), ("state", "s"), ("a", "2")), "s"),
        ((("State", "x"), ("state", "s")), "s"),
        ((("state", "a b&c=d"),), "a b&c=d"),
        ((("state", "x" * 512),), "x" * 512),
    ],
)
def test_a_parameter_has_one_value_or_none(params: Params, value: str | None) -> None:
    assert single(params, "state", form=STATE) == value


@pytest.mark.parametrize("second", ["s", "t", ""])
def test_a_parameter_that_is_repeated_is_malformed(second: str) -> None:
    for params in ((("state", "s"), ("state", second)), (("state", second), ("state", "s"))):
        with pytest.raises(MalformedRequest, match="state"):
            single(params, "state", form=STATE)


@pytest.mark.parametrize("value", ["x" * 513, "ü", "a\u2028", "s\n", "😀"])
def test_a_value_of_another_form_is_malformed_and_not_repeated(value: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        single((("state", value),), "state", form=STATE)
    assert value not in caught.value.detail


def test_without_takes_every_one_of_a_name_and_nothing_else() -> None:
    params = (("state", "1"), ("a", "2"), ("state", "3"), ("a", "4"), ("States", "5"))
    assert without(params, "state") == (("a", "2"), ("a", "4"), ("States", "5"))


# --- written again ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "url"),
    [
        ((), "/ui/settings"),
        ((("a", "1"), ("a", "2")), "/ui/settings?a=1&a=2"),
        ((("a", ""),), "/ui/settings?a="),
        ((("a&b", "c=d#e"),), "/ui/settings?a%26b=c%3Dd%23e"),
        ((("ä", "\r\n"),), "/ui/settings?%C3%A4=%0D%0A"),
    ],
)
def test_parameters_are_encoded(params: Params, url: str) -> None:
    assert with_query("/ui/settings", params) == url


hostile = settings(deadline=None, max_examples=100)
pieces = st.sampled_from(
    [
        *[b"a", b"state", b"=", b"&", b";", b"+", b"%20", b"%26", b"%3D", b"%23", b"%2B", b"#"],
        *[b"%", b"%25", b"%0", b"%00", b"%0a", b"%C3%BC", b"%ff", b"?", b"/", b"\\", b" ", b"'"],
        *[b"\xc3\xbc", b"\x00", b"%E2%80%A8", b"%C2%85", b"[", b"]", b"(", b"*"],
    ]
)
queries = st.lists(pieces, max_size=30).map(b"".join) | st.binary(max_size=60)


@hostile
@given(raw=queries)
@example(raw=b"=")
@example(raw=b"=&=")
@example(raw=b"a=%F0%9F%98%80&a=+")
@example(raw=b"a=%25zz%")
@example(raw=b"a=" + b"(" * 4_000)
def test_whatever_is_read_survives_being_written_and_read_again(raw: bytes) -> None:
    try:
        params = read_query(raw)
    except (MalformedRequest, AddressTooLong):
        return
    url = urlsplit(with_query("https://app.example/context-card", params))
    assert (url.netloc, url.path, url.fragment) == ("app.example", "/context-card", "")
    assert url.query.isascii()
    assert url.query.isprintable()
    assert read_query(url.query.encode()) == params


@hostile
@given(raw=queries | st.binary(min_size=4_000, max_size=4_200))
def test_no_bytes_raise_anything_but_our_own_errors(raw: bytes) -> None:
    try:
        params = read_query(raw)
    except AddressTooLong:
        assert len(raw) > 4_096
    except MalformedRequest:
        assert raw
    else:
        for name, value in params:
            assert not re.search(r"[\x00-\x1f\x7f]", name + value)


@hostile
@given(raw=queries, name=st.sampled_from(["a", "state", ""]))
def test_single_and_without_agree(raw: bytes, name: str) -> None:
    try:
        params = read_query(raw)
        value = single(params, name, form=STATE)
    except (MalformedRequest, AddressTooLong):
        return
    rest = without(params, name)
    assert len(params) - len(rest) == [key for key, _ in params].count(name)
    assert value is None or {*params} - {*rest} == {(name, value)}
