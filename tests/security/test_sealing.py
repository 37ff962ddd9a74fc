"""A sealed value opens at its own place, under its own key, untouched, and nowhere else."""

import base64
import hmac
import re

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.errors import ConfigurationError
from app.security.sealing import (
    KEY_BYTES,
    SealingKeys,
    Unsealable,
    generate_key,
    key_id,
    parse_key,
)

OLD, NEW, FOREIGN = (bytes([number]) * KEY_BYTES for number in (1, 2, 3))
PLACE = {"table": "tokens", "purpose": "authorization"}
ROW = bytes(range(16))
VALUE = b"IBSSO 3d7908aa-7b8c-4c5a-94bf-5cdeef18947b"
OVERHEAD_BYTES = 4 + 12 + 16

hostile = settings(deadline=None, max_examples=100)
names = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12)
places = st.fixed_dictionaries({"table": names, "purpose": names, "row": st.binary(max_size=20)})
keys = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)


def sealed_by(*given: bytes) -> bytes:
    return SealingKeys(given).seal(VALUE, row=ROW, **PLACE)


def opened_by(*given: bytes, sealed: bytes) -> bytes:
    return SealingKeys(given).open(sealed, row=ROW, **PLACE)


# --- opening ----------------------------------------------------------------------------------


@hostile
@given(value=st.binary(max_size=2_000), place=places, key=keys)
def test_a_value_opens_where_it_was_sealed(value: bytes, place: dict[str, str], key: bytes) -> None:
    ring = SealingKeys([key])
    assert ring.open(ring.seal(value, **place), **place) == value  # type: ignore[arg-type]


@hostile
@given(value=st.binary(max_size=100), here=places, there=places)
def test_a_value_opens_at_no_other_place(
    value: bytes, here: dict[str, str], there: dict[str, str]
) -> None:
    assume(here != there)
    ring = SealingKeys([OLD])
    sealed = ring.seal(value, **here)  # type: ignore[arg-type]
    with pytest.raises(Unsealable):
        ring.open(sealed, **there)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("table", "row", "purpose"),
    [
        ("tokens", bytes(16), "authorization"),
        ("tokens", ROW[:-1], "authorization"),
        ("tokens", ROW + b"\x00", "authorization"),
        ("tokens", b"", "authorization"),
        ("sessions", ROW, "authorization"),
        ("tokens", ROW, "api_key"),
        ("authorization", ROW, "tokens"),
        ("tokensauthorization", ROW, ""),
        ("", ROW, "tokensauthorization"),
    ],
)
def test_a_value_that_was_moved_does_not_open(table: str, row: bytes, purpose: str) -> None:
    ring = SealingKeys([OLD])
    sealed = ring.seal(VALUE, row=ROW, **PLACE)
    with pytest.raises(Unsealable):
        ring.open(sealed, table=table, row=row, purpose=purpose)


@pytest.mark.parametrize("position", range(len(VALUE) + OVERHEAD_BYTES))
def test_one_flipped_bit_anywhere_and_it_does_not_open(position: int) -> None:
    sealed = bytearray(sealed_by(OLD))
    sealed[position] ^= 1 << (position % 8)
    with pytest.raises(Unsealable):
        opened_by(OLD, sealed=bytes(sealed))


@pytest.mark.parametrize("length", range(len(VALUE) + OVERHEAD_BYTES))
def test_what_was_cut_short_does_not_open(length: int) -> None:
    with pytest.raises(Unsealable):
        opened_by(OLD, sealed=sealed_by(OLD)[:length])


@hostile
@given(junk=st.binary(max_size=100))
def test_junk_does_not_open(junk: bytes) -> None:
    for sealed in (junk, key_id(OLD) + junk, sealed_by(OLD) + junk + b"\x00"):
        with pytest.raises(Unsealable):
            opened_by(OLD, sealed=sealed)


def test_two_halves_of_two_sealed_values_do_not_make_one() -> None:
    one, other = sealed_by(OLD), sealed_by(OLD)
    with pytest.raises(Unsealable):
        opened_by(OLD, sealed=one[:16] + other[16:])


# --- keys -------------------------------------------------------------------------------------


def test_the_first_key_seals() -> None:
    assert opened_by(NEW, sealed=sealed_by(NEW, OLD)) == VALUE
    with pytest.raises(Unsealable):
        opened_by(OLD, sealed=sealed_by(NEW, OLD))


@pytest.mark.parametrize("ring", [(OLD,), (NEW, OLD), (FOREIGN, NEW, OLD), (OLD, NEW)])
def test_an_old_key_goes_on_opening(ring: tuple[bytes, ...]) -> None:
    assert opened_by(*ring, sealed=sealed_by(OLD)) == VALUE


def test_a_key_that_was_taken_away_opens_nothing() -> None:
    with pytest.raises(Unsealable):
        opened_by(NEW, sealed=sealed_by(OLD))
    with pytest.raises(Unsealable):
        opened_by(NEW, FOREIGN, sealed=sealed_by(OLD))


def test_a_value_under_another_keys_name_does_not_open() -> None:
    renamed = key_id(NEW) + sealed_by(OLD)[4:]
    with pytest.raises(Unsealable):
        opened_by(OLD, NEW, sealed=renamed)


@hostile
@given(one=keys, other=keys)
def test_another_key_never_opens(one: bytes, other: bytes) -> None:
    assume(one != other)
    with pytest.raises(Unsealable):
        opened_by(other, sealed=sealed_by(one))


def test_a_key_given_twice_is_one_key() -> None:
    assert opened_by(OLD, sealed=sealed_by(OLD, OLD)) == VALUE


def test_without_a_key_there_is_no_start() -> None:
    with pytest.raises(ConfigurationError, match="ENCRYPTION_KEYS") as caught:
        SealingKeys([])
    assert "generate-key" in caught.value.detail


# --- what a sealed value looks like -----------------------------------------------------------


def test_the_layout_is_key_id_nonce_ciphertext_tag() -> None:
    sealed = sealed_by(OLD)
    assert sealed[:4] == key_id(OLD)
    assert len(sealed) == OVERHEAD_BYTES + len(VALUE)
    assert VALUE not in sealed


def test_no_two_nonces_are_the_same() -> None:
    ring = SealingKeys([OLD])
    sealed = [ring.seal(VALUE, row=ROW, **PLACE) for _ in range(2_000)]
    assert len({each[4:16] for each in sealed}) == 2_000
    assert len({each[16:] for each in sealed}) == 2_000


def test_a_key_id_tells_nothing_of_the_key() -> None:
    assert key_id(OLD) != key_id(NEW)
    assert key_id(OLD) not in OLD
    assert len(key_id(OLD)) == 4


def test_a_sealed_value_of_the_past_still_opens() -> None:
    """Written down once: a change of the format has to notice that databases are full of it."""
    sealed = base64.b64decode(
        "+ToszgWAlEyKh7ZCVcvUy4hi6CW+E/YH4ygHxNqYaxojkIJhSv"
        "yQ+5pqlTD+ITW7TiR+qmyRcTKvP60Y2zEQRsi23XK4rS81sRM="
    )
    assert opened_by(OLD, sealed=sealed) == VALUE


def test_a_repr_shows_no_key() -> None:
    ring = SealingKeys([OLD, NEW])
    assert repr(ring) == str(ring) == "SealingKeys(2 keys)"


# --- keys as text -----------------------------------------------------------------------------


def test_a_generated_key_can_be_read_and_is_new_each_time() -> None:
    made = [generate_key() for _ in range(100)]
    assert {len(parse_key(key)) for key in made} == {KEY_BYTES}
    assert len(set(made)) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9+/]{43}=", key) for key in made)


@hostile
@given(key=keys)
def test_a_key_in_base64_is_read_to_the_byte(key: bytes) -> None:
    assert parse_key(base64.b64encode(key).decode()) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        "s3cret!",
        base64.b64encode(b"k" * 31).decode(),
        base64.b64encode(b"k" * 33).decode(),
        base64.b64encode(b"k" * 64).decode(),
        base64.b64encode(b"k" * 32).decode().rstrip("="),
        base64.b64encode(b"k" * 32).decode() + "\n",
        " " + base64.b64encode(b"k" * 32).decode(),
        base64.urlsafe_b64encode(b"\xff" * 32).decode(),
        "k" * 32,
        "ключ",
        "\x00",
    ],
)
def test_a_key_that_is_none_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"key|ASCII") as caught:
        parse_key(text)
    assert len(text) < 2 or text.strip() not in str(caught.value)


@hostile
@given(text=st.text())
def test_no_text_raises_anything_but_a_value_error(text: str) -> None:
    try:
        assert len(parse_key(text)) == KEY_BYTES
    except ValueError:
        return


# --- many at once, and what was sealed long ago -----------------------------------------------


def test_each_of_many_opens_in_its_own_row_alone_and_no_two_share_a_nonce() -> None:
    ring = SealingKeys([NEW])
    values = [(bytes([number]) * 16, b"value %d" % number) for number in range(50)]

    sealed = ring.seal_all(values, **PLACE)

    for (row, value), one in zip(values, sealed, strict=True):
        assert ring.open(one, row=row, **PLACE) == value
    assert len({one[4:16] for one in sealed}) == len(values)
    with pytest.raises(Unsealable):
        ring.open(sealed[0], row=values[1][0], **PLACE)
    assert ring.seal_all([], **PLACE) == []


def test_the_layout_stays_as_it_is_for_what_databases_hold() -> None:
    """By hand: key id, nonce, AES-256-GCM under HMAC-SHA-256(key, context), which is its AAD."""
    context = b"tokens/authorization/" + ROW
    nonce = bytes(12)
    under = AESGCM(hmac.digest(OLD, context, "sha256"))

    assert (
        opened_by(OLD, sealed=key_id(OLD) + nonce + under.encrypt(nonce, VALUE, context)) == VALUE
    )
