"""How many flows one client may begin."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.connections.beginnings import Beginnings, client_of
from app.errors.sign_in import TooManyFlows

ANN = "203.0.113.7"
BEN = "203.0.113.8"


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now

    def utcnow(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)


def begun(beginnings: Beginnings, address: str, tries: int) -> int:
    """How many of so many tries are let through."""
    return sum(may_begin(beginnings, address) for _ in range(tries))


def may_begin(beginnings: Beginnings, address: str) -> bool:
    try:
        beginnings.count(address)
    except TooManyFlows:
        return False
    return True


def test_one_client_may_begin_a_minutes_worth_at_once_and_no_more() -> None:
    beginnings = Beginnings(clock=Hand(), per_minute=30)

    assert begun(beginnings, ANN, 100) == 30
    assert begun(beginnings, BEN, 100) == 30


def test_it_is_said_when_to_come_back_and_then_it_works() -> None:
    clock = Hand()
    beginnings = Beginnings(clock=clock, per_minute=6)
    begun(beginnings, ANN, 6)

    with pytest.raises(TooManyFlows) as caught:
        beginnings.count(ANN)

    assert caught.value.retry_after_seconds is not None
    assert 10 <= caught.value.retry_after_seconds <= 11
    clock.now += caught.value.retry_after_seconds
    assert begun(beginnings, ANN, 2) == 1


def test_who_knocks_on_while_refused_is_not_kept_out_the_longer() -> None:
    clock = Hand()
    beginnings = Beginnings(clock=clock, per_minute=6)
    begun(beginnings, ANN, 1_000)

    clock.now += 60

    assert begun(beginnings, ANN, 10) == 6


@given(
    per_minute=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 30, allow_nan=False), max_size=60),
)
def test_in_any_ten_minutes_it_is_at_most_eleven_minutes_worth(
    per_minute: int, pauses: list[float]
) -> None:
    """That is how many rows one client can have at a time."""
    clock = Hand()
    beginnings = Beginnings(clock=clock, per_minute=per_minute)
    times = []
    for pause in pauses:
        clock.now += pause
        times += [clock.now] * begun(beginnings, ANN, 20)

    for end in times:
        assert sum(end - 600 < time <= end for time in times) <= 11 * per_minute + 1


def test_who_owes_nothing_is_forgotten() -> None:
    clock = Hand()
    beginnings = Beginnings(clock=clock, per_minute=60)
    for number in range(50):
        beginnings.count(f"198.51.100.{number}")
    clock.now += 2

    for _ in range(50):
        beginnings.count(ANN)

    assert len(beginnings) == 1


def test_however_many_clients_come_memory_is_bounded() -> None:
    beginnings = Beginnings(clock=Hand(), per_minute=60, most_clients=10)

    for number in range(200):
        beginnings.count(f"198.51.100.{number}")
        assert len(beginnings) <= 10


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("2001:db8:1:3::", "2001:db8:1:3::"),
        ("fe80::1%eth0", "fe80::"),
        ("unknown", "unknown"),
        ("", ""),
        ("x" * 1_000, "x" * 64),
    ],
)
def test_a_client_is_an_address_or_what_one_household_has_of_ipv6(
    address: str, client: str
) -> None:
    assert client_of(address) == client
