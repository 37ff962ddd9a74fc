"""Sessions that are remembered for while the database is away: within their limits, few, and never
one that has ended."""

from datetime import UTC, datetime
from uuid import uuid4

from app.embed.memory import RememberedSessions
from app.models.connection import Connection, ConnectionStatus, ConnectionType, Profile
from app.models.flow import Surface
from app.models.identifiers import ConnectionId, SessionId
from app.models.session import Session
from tests.support.clocks import SetClock

IDLE = 100.0
THEN = datetime(2026, 1, 1, tzinfo=UTC)


def session(connection_id: ConnectionId | None = None, *, left: float = 1_000) -> Session:
    connection = Connection(
        id=connection_id or ConnectionId(uuid4()),
        type=ConnectionType.OAUTH,
        status=ConnectionStatus.ACTIVE,
        reason=None,
        profile=Profile("A", "U", None, None, None, (), ()),
        external_id=None,
        label=None,
        api_url=None,
        created_at=THEN,
        connected_at=THEN,
        renewed_at=THEN,
        expires_at=THEN,
        last_used_at=None,
    )
    return Session(
        SessionId(uuid4()),
        connection,
        Surface.SETTINGS,
        (),
        THEN,
        seen_seconds_ago=0,
        left_seconds=left,
    )


def remembering(clock: SetClock, at_most: int = 10) -> RememberedSessions:
    return RememberedSessions(clock=clock, idle_seconds=IDLE, at_most=at_most)


def test_what_was_seen_is_found_and_says_that_it_is_from_memory() -> None:
    clock = SetClock()
    remembered, known = remembering(clock), session()
    remembered.remember(b"hash", known, as_of=clock.time)

    found = remembered.find(b"hash")

    assert found is not None
    assert (found.id, found.remembered) == (known.id, True)
    assert remembered.find(b"other") is None


def test_use_keeps_it_from_going_idle_and_nothing_else_does() -> None:
    clock = SetClock()
    remembered = remembering(clock)
    remembered.remember(b"hash", session(), as_of=clock.time)

    for _ in range(3):
        clock.time += 0.9 * IDLE
        assert remembered.find(b"hash")
    clock.time += IDLE
    assert remembered.find(b"hash") is None
    assert len(remembered) == 0


def test_nothing_keeps_it_beyond_its_end() -> None:
    clock = SetClock()
    remembered = remembering(clock)
    remembered.remember(b"hash", session(left=1.5 * IDLE), as_of=clock.time)

    clock.time += 0.9 * IDLE
    assert remembered.find(b"hash")
    clock.time += 0.6 * IDLE
    assert remembered.find(b"hash") is None


def test_what_has_ended_is_not_remembered_by_an_answer_that_was_on_its_way() -> None:
    clock = SetClock()
    remembered, by_id, by_token = remembering(clock), session(), session()
    remembered.forget(by_id.id)
    remembered.forget_token(b"token")

    remembered.remember(b"id", by_id, as_of=clock.time)
    remembered.remember(b"token", by_token, as_of=clock.time)

    assert len(remembered) == 0


def test_all_sessions_of_a_connection_are_forgotten_and_no_others() -> None:
    clock = SetClock()
    remembered, connection_id = remembering(clock), ConnectionId(uuid4())
    for number in range(3):
        remembered.remember(bytes([number]), session(connection_id), as_of=clock.time)
    remembered.remember(b"other", session(), as_of=clock.time)

    remembered.forget_connection(connection_id)

    assert [remembered.find(bytes([number])) for number in range(3)] == [None, None, None]
    assert remembered.find(b"other")


def test_the_least_recently_used_make_room() -> None:
    clock = SetClock()
    remembered = remembering(clock, at_most=3)
    for number in range(3):
        remembered.remember(bytes([number]), session(), as_of=clock.time)
    assert remembered.find(b"\x00")

    remembered.remember(b"new", session(), as_of=clock.time)

    assert len(remembered) == len(remembered.ids()) == 3
    assert remembered.find(b"\x01") is None
    assert remembered.find(b"\x00")
    assert remembered.find(b"new")
