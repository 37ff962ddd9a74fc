"""What is dead is forgotten, without a price at any single call."""

from sandbox.clock import Clock
from sandbox.config import SandboxConfig
from sandbox.shelf import Shelf
from sandbox.world import World


def test_expired_tokens_leave_memory_as_new_ones_come() -> None:
    world = World(SandboxConfig())
    user, app = world.directory.named_users[0], world.directory.apps[0]
    for _ in range(1000):
        world.tokens.issue(user, app, seconds=60)
    world.clock.advance(61)
    for _ in range(200):
        world.tokens.issue(user, app, seconds=60)
    assert len(world.tokens) == 200
    assert len(world.tokens.live()) == 200


def test_a_token_that_is_extended_does_not_hide_expired_ones() -> None:
    world = World(SandboxConfig())
    user, app = world.directory.named_users[0], world.directory.apps[0]
    first = world.tokens.issue(user, app, seconds=60)
    world.tokens.issue(user, app, seconds=60)
    world.clock.advance(59)
    world.tokens.renew(first, seconds=60, mode="extend")
    world.clock.advance(2)
    world.tokens.renew(first, seconds=60, mode="extend")
    assert len(world.tokens) == 1


def test_a_shelf_forgets_what_expired() -> None:
    clock = Clock()
    shelf: Shelf[str] = Shelf(clock)
    for number in range(100):
        shelf.put(str(number), "x", seconds=10)
    clock.advance(11)
    assert shelf.get("1") is None
    for number in range(100, 120):
        shelf.put(str(number), "x", seconds=10)
    assert len(shelf) == 20


def test_the_log_is_bounded_and_never_holds_a_whole_token() -> None:
    world = World(SandboxConfig())
    for _ in range(5000):
        world.log.add("refresh", "renewed", token="secret-1234")
    entries = world.log.newest(10_000)
    assert len(entries) == 2000
    assert entries[0].number == 5000
    assert entries[0].token == "1234"
