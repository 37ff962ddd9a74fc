"""What attempts bring, waited for or given up, in any order: what is settled is the best of it."""

import asyncio
import math
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from app.connections.live import LiveToken, LiveTokens
from app.connections.vault import Vault
from app.infobip.answers import Token
from app.infobip.errors import GrantRefused, InfobipError, TimedOut, Unreachable
from app.models.identifiers import ConnectionId
from app.models.token import OpenToken
from app.refresher.attempts import Attempt, Attempts
from app.refresher.ledger import Ledger
from app.refresher.outcomes import Outcomes
from app.refresher.pace import Pace
from app.refresher.stats import Stats
from app.refresher.timetable import Timetable
from app.security.sealing import SealingKeys
from app.store.database import Database
from tests.support.clocks import SetClock

pytestmark = pytest.mark.anyio

LIFE = 60.0
DUE = 30.0
LIMIT = 6.0
REFUSED = GrantRefused(status=400, code="invalid_grant")


class Noting(Ledger):
    """Notes what it is to write."""

    written: LiveToken | None = None

    def renewed(self, token: LiveToken) -> None:
        super().renewed(token)
        self.written = token


class Desk:
    """A token that was made at 0, and attempts to renew it; no database is ever asked."""

    def __init__(self) -> None:
        self.clock = SetClock(0.0)
        self.stats = Stats(life_seconds=LIFE)
        self.live = LiveTokens()
        self.attempts = Attempts()
        self.timetable = Timetable(now=0.0)
        self.told: list[LiveToken] = []
        self.ledger = Noting(
            database=Database(url="postgresql://nobody@127.0.0.1/none", pool_size=1),
            vault=Vault(keys=SealingKeys([bytes(32)])),
            clock=self.clock,
            stats=self.stats,
            on_overtaken=lambda _: None,
        )
        self.outcomes = Outcomes(
            live=self.live,
            ledger=self.ledger,
            pace=Pace(life_seconds=LIFE, now=0.0),
            stats=self.stats,
            clock=self.clock,
            attempts=self.attempts,
            timetable=self.timetable,
            tell=self.told.append,
        )
        first = OpenToken(ConnectionId(uuid4()), 1, "IBSSO first", 0.0, LIFE)
        token = self.live.put(first, as_of=0.0)
        assert token is not None
        self.token = token
        self.outcomes.schedule(token)

    def send(self, at: float) -> Attempt:
        self.clock.time = at
        attempt = Attempt(self.token, self.token.generation, at, at + LIMIT)
        self.attempts.begin(attempt)
        return attempt

    def give_up(self, attempt: Attempt) -> None:
        self.clock.time = attempt.until
        assert self.attempts.give_up(self.clock.time) == [attempt]
        self.outcomes.failed(attempt, TimedOut("no answer in time"))

    def grant(self, attempt: Attempt, name: str) -> None:
        self.attempts.end(attempt)
        self.outcomes.settle(attempt, Token(f"IBSSO {name}", LIFE))

    def fail(self, attempt: Attempt, error: InfobipError) -> None:
        self.attempts.end(attempt)
        self.outcomes.settle(attempt, error)

    def due(self) -> float:
        """When it is next looked at."""
        assert self.token.appointment is not None
        while self.token not in self.timetable.take_due(self.clock.time):
            self.clock.time += 0.1
        return self.clock.time


@pytest.fixture
async def desk() -> Desk:
    return Desk()


async def test_what_was_given_up_and_is_granted_is_taken(desk: Desk) -> None:
    attempt = desk.send(DUE)
    desk.give_up(attempt)
    assert desk.due() < DUE + LIMIT + 3, "another attempt is made"

    desk.grant(attempt, "late")

    assert desk.token.authorization == "IBSSO late"
    assert (desk.token.generation, desk.token.sent, desk.token.failures) == (2, DUE, 0)
    assert len(desk.ledger) == 1
    assert DUE + LIFE * 0.4 < desk.due() < DUE + LIFE * 0.6
    assert desk.told == [desk.token]


async def test_a_refusal_is_not_believed_while_one_that_was_given_up_may_be_granted(
    desk: Desk,
) -> None:
    first = desk.send(DUE)
    desk.give_up(first)
    desk.fail(desk.send(DUE + 8), REFUSED)

    assert desk.live.has(desk.token)
    assert desk.due() == pytest.approx(LIFE, abs=0.1), "no more attempts, which would be refused"

    desk.grant(first, "late")
    assert desk.token.authorization == "IBSSO late"
    assert desk.token.trouble is None


async def test_it_is_believed_once_the_last_of_them_has_come_to_nothing(desk: Desk) -> None:
    first = desk.send(DUE)
    desk.give_up(first)
    second = desk.send(DUE + 7)
    desk.give_up(second)
    desk.fail(desk.send(DUE + 14), REFUSED)

    desk.fail(first, Unreachable("reset"))
    assert desk.live.has(desk.token)
    desk.fail(second, Unreachable("reset"))
    assert not desk.live.has(desk.token)


async def test_a_refusal_of_one_that_was_given_up_ends_nothing(desk: Desk) -> None:
    """A later one was granted, or may be."""
    first = desk.send(DUE)
    desk.give_up(first)
    second = desk.send(DUE + 7)
    desk.fail(first, REFUSED)
    assert desk.live.has(desk.token)
    desk.grant(second, "second")
    assert desk.token.authorization == "IBSSO second"


@pytest.mark.parametrize("in_order", [True, False])
async def test_of_two_that_are_granted_the_one_that_was_sent_last_counts(
    desk: Desk, in_order: bool
) -> None:
    first = desk.send(DUE)
    desk.give_up(first)
    second = desk.send(DUE + 7)
    for attempt in (first, second) if in_order else (second, first):
        desk.grant(attempt, "first" if attempt is first else "second")
    assert (desk.token.authorization, desk.token.sent) == ("IBSSO second", DUE + 7)
    assert desk.token.generation == (3 if in_order else 2)


async def test_the_next_attempts_failure_is_none_of_the_token_that_came_late(desk: Desk) -> None:
    first = desk.send(DUE)
    desk.give_up(first)
    second = desk.send(DUE + 7)
    desk.grant(first, "first")
    desk.fail(second, REFUSED)
    assert desk.live.has(desk.token)
    assert desk.token.failures == 0


async def test_what_was_handed_over_and_has_come_back_is_the_same_token(desk: Desk) -> None:
    first = desk.send(DUE)
    desk.give_up(first)
    [gone] = desk.live.take_out({desk.token.shard})
    again = desk.live.put_back(gone)
    assert again is not None
    desk.token = again
    desk.fail(desk.send(DUE + 7), REFUSED)
    assert desk.live.has(again)

    desk.grant(first, "late")
    assert (again.authorization, again.generation) == ("IBSSO late", 2)
    assert again.appointment is not None


async def test_a_token_from_a_clock_that_went_back_is_renewed_like_any_other(desk: Desk) -> None:
    """The database's, which tells how old it is: it seems to have been sent in the future."""
    desk.token.sent = DUE + 3
    attempt = desk.send(DUE)
    desk.grant(attempt, "next")
    assert (desk.token.authorization, desk.token.sent) == ("IBSSO next", DUE)
    assert desk.token.appointment is not None


@pytest.mark.parametrize("lost", [True, False], ids=["lost", "taken over"])
async def test_what_comes_for_a_token_that_is_here_no_more_is_written_all_the_same(
    desk: Desk, lost: bool
) -> None:
    attempt = desk.send(DUE)
    desk.give_up(attempt)
    if lost:
        desk.clock.time = LIFE
        desk.fail(desk.send(LIFE), Unreachable("reset"))
    else:
        desk.live.take_out({desk.token.shard})
    written = len(desk.ledger)

    desk.grant(attempt, "late")

    assert len(desk.ledger) == written + 1
    assert desk.token.generation == 1
    found = desk.ledger.written
    assert found is not None
    assert (found.generation, found.authorization, found.sent) == (2, "IBSSO late", DUE)


@pytest.mark.parametrize("how", ["granted", "refused", "given up"])
async def test_while_another_attempt_is_waited_for_none_is_planned(desk: Desk, how: str) -> None:
    """Else there would be two at once."""
    first = desk.send(DUE)
    desk.give_up(first)
    desk.due()
    second = desk.send(DUE + 7)
    desk.grant(first, "first")
    assert desk.token.appointment is None

    if how == "granted":
        desk.grant(second, "second")
    elif how == "refused":
        desk.fail(second, REFUSED)
    else:
        desk.give_up(second)
    assert desk.token.appointment is not None
    assert desk.token.failures == 0


async def test_one_that_was_given_up_and_comes_to_nothing_ends_nothing(desk: Desk) -> None:
    attempt = desk.send(DUE)
    desk.give_up(attempt)
    desk.fail(attempt, Unreachable("reset"))
    assert desk.live.has(desk.token)
    assert desk.token.appointment is not None


async def test_what_was_given_up_stands_in_nobodys_way_but_a_letting_gos(desk: Desk) -> None:
    attempt = desk.send(DUE)
    assert desk.attempts.awaits_any_of({desk.token.shard})
    desk.give_up(attempt)
    assert not desk.attempts.awaits(desk.token)
    assert not desk.attempts.awaits_any_of({desk.token.shard})
    assert desk.attempts.has(desk.token), "it may bring a token, and so revive the connection"
    later = desk.send(DUE + 7)
    desk.grant(later, "later")
    assert not desk.attempts.has(desk.token), "what it brings now is of no use"
    assert len(desk.attempts) == 1
    desk.fail(attempt, Unreachable("reset"))
    assert len(desk.attempts) == 0


# --- whatever the order ---------------------------------------------------------------------


class AnyOrder(RuleBasedStateMachine):
    """A vendor that acts some time after an attempt was sent and answers some time after that, and
    a desk that gives up whenever it likes. No answer is lost, so no token may be."""

    @initialize(old_tokens_die=st.booleans())
    def begin(self, old_tokens_die: bool) -> None:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(self._open())
        loop.close()
        self.old_tokens_die = old_tokens_die
        self.alive = {self.desk.token.authorization}
        self.number = 0
        self.sent: list[tuple[Attempt, str]] = []
        self.answered: list[tuple[Attempt, str | None]] = []

    async def _open(self) -> None:
        self.desk = Desk()
        self.desk.clock.time = DUE

    @precondition(lambda self: not self.desk.attempts.awaits(self.desk.token))
    @rule()
    def send(self) -> None:
        token = self.desk.token
        assert token.appointment is not None, "it would never be renewed again"
        token.appointment = None
        attempt = self.desk.send(self.desk.clock.time + 0.5)
        self.sent.append((attempt, token.authorization))

    @precondition(lambda self: self.desk.attempts.awaits(self.desk.token))
    @rule()
    def give_up(self) -> None:
        [attempt] = self.desk.attempts.give_up(math.inf)
        self.desk.outcomes.failed(attempt, TimedOut("no answer in time"))

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def act(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.sent))
        self.sent.remove(one)
        attempt, authorization = one
        if authorization not in self.alive:
            self.answered.append((attempt, None))
            return
        self.number += 1
        new = f"IBSSO {self.number}"
        if self.old_tokens_die:
            self.alive.remove(authorization)
        self.alive.add(new)
        self.answered.append((attempt, new))

    @precondition(lambda self: self.answered)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.answered))
        self.answered.remove(one)
        attempt, new = one
        if new is None:
            self.desk.fail(attempt, REFUSED)
        else:
            self.desk.grant(attempt, new.removeprefix("IBSSO "))

    @invariant()
    def is_kept(self) -> None:
        token = self.desk.token
        assert self.desk.live.has(token)
        assert self.desk.attempts.awaits(token) != (token.appointment is not None)
        if not self.sent and not self.answered:
            assert token.authorization in self.alive


AnyOrder.TestCase.settings = settings(max_examples=300, stateful_step_count=30, deadline=None)
test_in_whatever_order_they_come_the_live_token_is_kept = AnyOrder.TestCase
