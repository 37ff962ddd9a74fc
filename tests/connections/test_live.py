"""What a process keeps of each live token."""

from uuid import uuid4

import pytest

from app.connections.live import LiveTokens
from app.models.identifiers import ConnectionId, shard_of
from app.models.token import OpenToken


def opened(*, age: float, left: float, generation: int = 1) -> OpenToken:
    return OpenToken(
        connection_id=ConnectionId(uuid4()),
        generation=generation,
        authorization="IBSSO x",
        age_seconds=age,
        left_seconds=left,
    )


def test_it_is_found_by_its_connections_id_and_knows_it_and_its_shard() -> None:
    live, token = LiveTokens(), opened(age=10, left=50)
    taken = live.put(token, as_of=1_000.0)

    assert taken is not None
    assert live.get(token.connection_id) is taken
    assert live.has(taken)
    assert taken.connection_id == token.connection_id
    assert taken.shard == shard_of(token.connection_id) == token.connection_id.int % 64
    assert (taken.sent, taken.expires) == (990.0, 1_050.0)


def test_whose_place_a_newer_one_took_is_here_no_more() -> None:
    live, token = LiveTokens(), opened(age=10, left=50)
    first = live.put(token, as_of=1_000.0)
    assert first is not None
    again = live.put_back(first)
    assert again is None
    live.discard(token.connection_id)
    assert not live.has(first)

    again = live.put_back(first)

    assert again is not None
    assert live.has(again)
    assert not live.has(first)


def test_a_million_lives_of_a_minute_take_the_memory_of_one() -> None:
    """The database tells ages and what is left by the microsecond."""
    live = LiveTokens()
    one = live.put(opened(age=10.0000004, left=50.0), as_of=1_000.0)
    other = live.put(opened(age=20.0, left=39.9999996), as_of=1_000.0)

    assert one is not None
    assert other is not None
    assert one.life is other.life
    assert one.life == pytest.approx(60)
