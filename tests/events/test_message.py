"""What a receiver gets, to the byte."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.events.message import message
from app.events.schedule import WAITS_SECONDS, wait_after
from app.models.event import DeliveryStatus, Event, EventType, Outgoing
from app.models.identifiers import ConnectionId

RECONNECT = "https://hearth.example/connect"
TEXTS = st.text(alphabet=st.characters(codec="utf-8"))
DATA = st.dictionaries(TEXTS, TEXTS | st.integers(-(2**53), 2**53) | st.none(), max_size=8)
LOST = Outgoing(
    sequence=7,
    id=UUID(int=1),
    event=Event(
        EventType.LOST, {"cause": "refused", "externalId": "customer-1"}, ConnectionId(UUID(int=2))
    ),
    occurred_at=datetime(2026, 1, 2, 3, 4, 5, 678, UTC),
    status=DeliveryStatus.PENDING,
    attempts=1,
    due_at=datetime(2026, 1, 2, 3, 4, 9, tzinfo=UTC),
    outcome=None,
    attempted_at=None,
    delivered_at=None,
)


def test_a_loss_says_why_and_where_a_person_makes_up_for_it() -> None:
    assert message(LOST, reconnect_url=RECONNECT) == (
        b'{"id":"00000000-0000-0000-0000-000000000001","type":"connection.lost",'
        b'"timestamp":"2026-01-02T03:04:05.000678Z","sequence":7,'
        b'"data":{"cause":"refused","externalId":"customer-1",'
        b'"reconnectUrl":"https://hearth.example/connect"}}'
    )


@given(data=DATA, seed=st.randoms(), attempts=st.integers(1, 99))
def test_every_attempt_sends_the_same_bytes(
    data: dict[str, str], seed: Random, attempts: int
) -> None:
    """However the database orders what it keeps, and however far the delivery has come."""
    first = replace(LOST, event=Event(EventType.SETTINGS_CHANGED, data))
    shuffled = list(data.items())
    seed.shuffle(shuffled)
    kept = json.loads(json.dumps(dict(shuffled)))
    again = replace(
        first,
        event=Event(EventType.SETTINGS_CHANGED, kept),
        attempts=attempts,
        outcome="500",
        attempted_at=datetime.now(UTC),
        due_at=datetime.now(UTC),
    )

    body = message(first, reconnect_url=RECONNECT)
    assert message(again, reconnect_url=RECONNECT) == body
    assert json.loads(body)["data"] == data


def test_attempts_go_on_for_a_day_and_then_end() -> None:
    waits = [wait_after(n, chance=0.5, waits=WAITS_SECONDS) for n in range(1, 12)]

    assert waits == [*WAITS_SECONDS, None]
    assert 23.5 * 3600 < sum(WAITS_SECONDS) < 24.5 * 3600


@given(attempts=st.integers(1, len(WAITS_SECONDS)), chance=st.floats(0, 1))
def test_what_failed_together_is_spread(attempts: int, chance: float) -> None:
    wait = wait_after(attempts, chance=chance, waits=WAITS_SECONDS)
    assert wait is not None
    assert 0.9 <= wait / WAITS_SECONDS[attempts - 1] <= 1.1
