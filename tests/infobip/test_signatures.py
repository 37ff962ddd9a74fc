"""A call counts as Infobip's when it is signed as Infobip signs, and was signed just now."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from app.infobip.signatures import WINDOW, Claim, SignatureRefused

KEY = "Wm7/4yKp+Qe1ZsT9uGfLh3BxNcJ0dRvA8oViXkC2lE4="
TIMESTAMP = "1666752518753"
THEN = datetime(2022, 10, 26, 2, 48, 38, 753_000, tzinfo=UTC)
BODY = b'{"name":"Zo\xc3\xab"}'
LEGACY_VECTOR = "D138B40319432FF816072FC9C1B51594F73904175E9A9ED01873EB7B31E3801D"

keys = st.text(st.characters(codec="utf-8"), min_size=1, max_size=64)
bodies = st.binary(max_size=200)
timestamps = st.integers(10**12, 10**13 - 1).map(str)


def sign(key: str, timestamp: str, rest: bytes) -> str:
    return hmac.new(key.encode(), timestamp.encode() + rest, hashlib.sha256).hexdigest()


def moment(timestamp: str) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(timestamp))


def read(signature: str, timestamp: str = TIMESTAMP, now: datetime = THEN) -> Claim:
    return Claim.read(signature=signature, timestamp=timestamp, now=now)


def test_the_known_vector_of_the_legacy_form_holds() -> None:
    claim = read(LEGACY_VECTOR)

    claim.prove_legacy(client_secrets=("Hello World!",), account_id="123456")
    assert claim.signed_at == THEN


def test_the_same_bytes_as_a_body_hold_in_the_current_form() -> None:
    read(LEGACY_VECTOR).prove(signing_secrets=["Hello World!"], body=b"123456")


def test_a_secret_is_its_characters_not_what_they_encode() -> None:
    read(sign(KEY, TIMESTAMP, BODY)).prove(signing_secrets=[KEY], body=BODY)


@given(keys, timestamps, bodies, st.booleans())
def test_what_is_rightly_signed_holds_in_either_case(
    key: str, timestamp: str, body: bytes, upper: bool
) -> None:
    signature = sign(key, timestamp, body)

    claim = read(signature.upper() if upper else signature, timestamp, moment(timestamp))

    claim.prove(signing_secrets=[key], body=body)


@given(st.lists(st.booleans(), min_size=64, max_size=64))
def test_the_case_of_each_digit_is_of_no_account(uppers: list[bool]) -> None:
    digits = zip(sign(KEY, TIMESTAMP, BODY), uppers, strict=True)
    mixed = "".join(digit.upper() if upper else digit for digit, upper in digits)

    read(mixed).prove(signing_secrets=[KEY], body=BODY)


@given(bodies, bodies)
@example(b"", b" ")
@example(BODY, BODY + b" ")
@example(BODY, BODY + b"\x00")
def test_any_other_body_is_refused(signed: bytes, sent: bytes) -> None:
    assume(signed != sent)

    refuses("signature_wrong", sign(KEY, TIMESTAMP, signed), body=sent)


@given(bodies.filter(bool), st.data())
def test_one_changed_bit_of_the_body_is_enough(body: bytes, data: st.DataObject) -> None:
    bit = data.draw(st.integers(0, len(body) * 8 - 1))
    changed = bytearray(body)
    changed[bit // 8] ^= 1 << bit % 8

    refuses("signature_wrong", sign(KEY, TIMESTAMP, body), body=bytes(changed))


@given(timestamps, timestamps)
@example(TIMESTAMP, "1666752518754")
def test_any_other_time_is_refused_even_if_it_is_now(signed: str, sent: str) -> None:
    assume(signed != sent)

    refuses("signature_wrong", sign(KEY, signed, BODY), timestamp=sent, now=moment(sent))


@given(keys, keys)
@example(KEY, KEY + "\n")
@example(KEY, KEY.lower())
def test_any_other_key_is_refused(signer: str, ours: str) -> None:
    # HMAC itself pads a key with zero bytes up to its block of 64 bytes.
    assume(signer.encode().ljust(64, b"\x00") != ours.encode().ljust(64, b"\x00"))

    refuses("signature_wrong", sign(signer, TIMESTAMP, BODY), key=ours)


@given(st.integers(0, 63), st.integers(1, 15))
def test_any_changed_digit_of_the_signature_is_refused(place: int, by: int) -> None:
    right = sign(KEY, TIMESTAMP, BODY)
    wrong = f"{int(right[place], 16) ^ by:x}"

    refuses("signature_wrong", right[:place] + wrong + right[place + 1 :])


@given(bodies)
def test_no_digit_can_move_between_the_time_and_the_body(rest: bytes) -> None:
    """Nothing separates the two, so `T` + `5…` and `T5` + `…` are signed alike."""
    signature = sign(KEY, TIMESTAMP, b"5" + rest)

    for timestamp, now in ((TIMESTAMP + "5", THEN), (TIMESTAMP[:-1], THEN)):
        with pytest.raises(SignatureRefused, match="timestamp_malformed"):
            read(signature, timestamp, now)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        " ",
        "0" * 63,
        "0" * 65,
        "g" * 64,
        "é" * 64,
        "٣" * 64,
        f"sha256={'0' * 64}",
        f" {'0' * 63}",
        "0" * 64 + "\n",
        f"{'0' * 64}, {'0' * 64}",
    ],
)
def test_what_is_no_signature_is_refused(signature: str) -> None:
    with pytest.raises(SignatureRefused, match="signature_malformed"):
        read(signature)


@pytest.mark.parametrize(
    "timestamp",
    [
        "",
        "now",
        "1666752518",
        "166675251875",
        "16667525187530",
        "+166675251875",
        "-1666752518753",
        "1666752518.75",
        "1_666_752_518",
        "1.66675251875e",
        " 1666752518753",
        "1666752518753 ",
        "1666752518753\n",
        "166675251875²",
        "١٦٦٦٧٥٢٥١٨٧٥٣",
        "0x1843a5a1c00",
        "1666752518753, 1666752518753",
        "9" * 5_000,
    ],
)
def test_what_is_no_time_in_milliseconds_is_refused(timestamp: str) -> None:
    with pytest.raises(SignatureRefused, match="timestamp_malformed"):
        read("0" * 64, timestamp)


MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize("late", [timedelta(), WINDOW, -WINDOW, timedelta(seconds=-1)])
def test_a_call_within_five_minutes_of_our_clock_is_read(late: timedelta) -> None:
    assert read("0" * 64, now=THEN + late).signed_at == THEN


@pytest.mark.parametrize(
    ("late", "reason"),
    [
        (WINDOW + MOMENT, "too_old"),
        (timedelta(days=9_000), "too_old"),
        (-WINDOW - MOMENT, "in_the_future"),
        (timedelta(days=-9_000), "in_the_future"),
    ],
)
def test_a_call_outside_of_five_minutes_is_refused(late: timedelta, reason: str) -> None:
    with pytest.raises(SignatureRefused, match=reason):
        read("0" * 64, now=THEN + late)


@pytest.mark.parametrize("timestamp", ["0000000000000", "9999999999999"])
def test_times_at_the_ends_of_the_scale_are_merely_old_or_in_the_future(timestamp: str) -> None:
    with pytest.raises(SignatureRefused, match=r"too_old|in_the_future"):
        read("0" * 64, timestamp)


@given(st.binary(max_size=50))
def test_the_legacy_form_does_not_stand_for_a_body(body: bytes) -> None:
    signature = sign("client secret", TIMESTAMP, b"123456")

    refuses("signature_wrong", signature, key="signing secret", body=body)


@pytest.mark.parametrize("account_id", ["12345", "1234567", "123457"])
def test_another_account_is_refused_in_the_legacy_form(account_id: str) -> None:
    with pytest.raises(SignatureRefused, match="signature_wrong"):
        read(LEGACY_VECTOR).prove_legacy(client_secrets=("Hello World!",), account_id=account_id)


@pytest.mark.parametrize("account_id", ["", " ", "12 34", "1" * 129, "123456\n", "é", "١٢"])
def test_what_is_no_account_is_refused_in_the_legacy_form(account_id: str) -> None:
    with pytest.raises(SignatureRefused, match="account_malformed"):
        read(LEGACY_VECTOR).prove_legacy(client_secrets=("Hello World!",), account_id=account_id)


def test_nobody_is_believed_on_an_empty_key() -> None:
    with pytest.raises(ValueError, match="empty key"):
        read(sign("", TIMESTAMP, BODY)).prove(signing_secrets=[""], body=BODY)
    with pytest.raises(ValueError, match="empty key"):
        read(sign("", TIMESTAMP, b"1")).prove_legacy(client_secrets=("",), account_id="1")


def test_a_claim_does_not_show_its_signature() -> None:
    assert LEGACY_VECTOR not in repr(read(LEGACY_VECTOR))


def refuses(
    reason: str,
    signature: str,
    *,
    timestamp: str = TIMESTAMP,
    now: datetime = THEN,
    key: str = KEY,
    body: bytes = BODY,
) -> None:
    with pytest.raises(SignatureRefused, match=reason):
        read(signature, timestamp, now).prove(signing_secrets=[key], body=body)
