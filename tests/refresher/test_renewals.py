"""Renewals before their time: whoever asks, one request is made, and all hear of its outcome."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import cast
from uuid import uuid4

import pytest

from app.clock import SystemClock
from app.connections.live import LiveToken, LiveTokens
from app.connections.vault import Vault
from app.infobip.answers import Token
from app.infobip.oauth import OAuth
from app.models.identifiers import ConnectionId, Shard
from app.models.token import OpenToken
from app.refresher.ledger import Ledger
from app.refresher.pace import Pace
from app.refresher.renewals import Renewals
from app.refresher.shares import Shares
from app.refresher.stats import Stats
from app.security.sealing import SealingKeys
from app.store.database import Database
from app.store.leases import Crowd

pytestmark = pytest.mark.anyio

LIFE = 60.0
CONNECTION = ConnectionId(uuid4())


class Alone:
    """Has all shards."""

    leaving: frozenset[Shard] = frozenset()
    crowd = Crowd(replicas=1, live=0)
    away_seconds = 0.0

    def may_renew(self) -> bool:
        return True


@dataclass
class Vendor:
    """Answers when it is told to."""

    asked: list[str] = field(default_factory=list)
    answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def refresh(self, authorization: str, *, timeout_seconds: float) -> Token:
        self.asked.append(authorization)
        await self.answer.wait()
        return Token(f"IBSSO {len(self.asked)}", LIFE)


@dataclass
class Office:
    vendor: Vendor
    live: LiveTokens
    renewals: Renewals

    def take_in(self, generation: int) -> LiveToken:
        token = OpenToken(CONNECTION, generation, f"IBSSO of {generation}", 0.0, LIFE)
        live = self.live.put(token, as_of=SystemClock().monotonic())
        assert live is not None
        self.renewals.schedule(live)
        return live

    def wanted(self, newer_than: int) -> "asyncio.Task[bool]":
        return asyncio.create_task(self.renewals.renew_now(CONNECTION, newer_than=newer_than))


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    clock, stats, live, vendor = SystemClock(), Stats(life_seconds=LIFE), LiveTokens(), Vendor()
    ledger = Ledger(
        database=Database(url="postgresql://nobody@127.0.0.1/none", pool_size=1),
        vault=Vault(keys=SealingKeys([bytes(32)])),
        clock=clock,
        stats=stats,
        on_overtaken=lambda _: None,
    )
    renewals = Renewals(
        oauth=cast("OAuth", vendor),
        live=live,
        ledger=ledger,
        shares=cast("Shares", Alone()),
        pace=Pace(life_seconds=LIFE, now=clock.monotonic()),
        stats=stats,
        clock=clock,
        max_in_flight=10,
    )
    running = asyncio.create_task(renewals.run())
    yield Office(vendor, live, renewals)
    running.cancel()
    vendor.answer.set()
    await renewals.end(within_seconds=5)


async def until_idle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_however_many_ask_one_request_is_made(office: Office) -> None:
    office.take_in(1)
    wanted = [office.wanted(newer_than=1) for _ in range(20)]
    await until_idle()
    wanted += [office.wanted(newer_than=1) for _ in range(20)]
    await until_idle()
    office.vendor.answer.set()

    assert all(await asyncio.gather(*wanted))
    assert office.vendor.asked == ["IBSSO of 1"]


async def test_who_has_one_that_is_older_than_ours_need_not_wait(office: Office) -> None:
    office.take_in(2)
    assert await office.wanted(newer_than=1)
    assert not office.vendor.asked


async def test_who_knows_of_one_that_is_newer_than_ours_is_told_so_and_nothing_is_sent(
    office: Office,
) -> None:
    office.take_in(1)
    assert not await office.wanted(newer_than=2)
    assert not office.vendor.asked


async def test_one_that_comes_from_elsewhere_is_as_good(office: Office) -> None:
    office.take_in(1)
    early = office.wanted(newer_than=1)
    await until_idle()
    office.take_in(2)
    await until_idle()
    assert early.done()
    assert early.result()

    late = office.wanted(newer_than=2)
    await until_idle()
    assert office.vendor.asked == ["IBSSO of 1", "IBSSO of 2"]
    office.vendor.answer.set()
    assert await late


async def test_where_there_is_none_nobody_waits(office: Office) -> None:
    assert not await office.wanted(newer_than=1)
