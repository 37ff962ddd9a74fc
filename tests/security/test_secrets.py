"""Random values that someone outside carries, and how we know them again."""

import hashlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.security.secrets import random_token, token_hash


@pytest.mark.parametrize("prefix", ["", "hearth_s_"])
def test_a_token_has_its_prefix_and_256_random_bits(prefix: str) -> None:
    token = random_token(prefix)
    assert token.startswith(prefix)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token.removeprefix(prefix))


def test_no_two_tokens_are_the_same() -> None:
    tokens = {random_token("") for _ in range(2_000)}
    assert len(tokens) == 2_000
    assert len({token[:12] for token in tokens}) == 2_000
    assert len({token[-12:] for token in tokens}) == 2_000


def test_a_hash_is_sha_256_and_stays_so() -> None:
    """Hashes are stored: another function would end every session."""
    assert token_hash("abc") == hashlib.sha256(b"abc").digest()
    assert token_hash("abc").hex().startswith("ba7816bf")


@settings(deadline=None)
@given(one=st.text(), other=st.text())
def test_hashes_are_the_same_exactly_where_tokens_are(one: str, other: str) -> None:
    assert (token_hash(one) == token_hash(other)) == (one == other)
    assert len(token_hash(one)) == 32
