"""PKCE: the documented vector, and what holds for every verifier."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.infobip.pkce import VERIFIER, challenge_of, digest_of, new_verifier, read_challenge


def test_the_documented_vector() -> None:
    assert challenge_of(digest_of("123")) == "pmWkWSBCL51Bfkhn79xPuKBKHz__H6B-mY6G9_eieuM"


def test_the_vector_of_rfc_7636() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge_of(digest_of(verifier)) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_verifiers_are_well_formed_and_never_the_same() -> None:
    verifiers = [new_verifier() for _ in range(2_000)]

    assert all(VERIFIER.fullmatch(verifier) for verifier in verifiers)
    assert all(43 <= len(verifier) <= 128 for verifier in verifiers)
    assert len(set(verifiers)) == len(verifiers)


def test_verifiers_carry_256_random_bits() -> None:
    """Every bit is set about as often as not."""
    values = [base64.urlsafe_b64decode(new_verifier() + "=") for _ in range(2_000)]

    assert all(len(value) == 32 for value in values)
    for bit in range(256):
        ones = sum(value[bit // 8] >> (bit % 8) & 1 for value in values)
        assert 800 < ones < 1_200


@given(st.from_regex(r"[A-Za-z0-9._~-]{43,128}", fullmatch=True))
def test_a_challenge_is_read_as_it_was_written(verifier: str) -> None:
    challenge = challenge_of(digest_of(verifier))

    assert len(challenge) == 43
    assert "=" not in challenge
    assert read_challenge(challenge) == hashlib.sha256(verifier.encode()).digest()


@given(st.text(max_size=60))
def test_only_one_way_of_writing_a_challenge_is_read(text: str) -> None:
    try:
        digest = read_challenge(text)
    except ValueError:
        return
    assert challenge_of(digest) == text


@pytest.mark.parametrize("text", ["", "A" * 42, "A" * 44, "A" * 42 + "B", "A" * 42 + "=", "é" * 43])
def test_what_is_no_challenge_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        read_challenge(text)


@pytest.mark.parametrize("text", ["A" * 42, "A" * 129, "A" * 42 + " ", "A" * 43 + "\n", "ä" * 43])
def test_what_is_no_verifier_is_told(text: str) -> None:
    assert not VERIFIER.fullmatch(text)
