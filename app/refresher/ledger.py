"""Writing behind: renewed and lost tokens on their way into the database.

Group commit: the next batch is written as soon as the last one has ended, so what Infobip has
granted and Postgres does not yet know is one write's worth. While the database is away the
newest state of each connection waits here, and nothing stops.
"""

import asyncio
from collections.abc import Callable, Collection
from itertools import islice

import structlog

from app.clock import Clock
from app.connections.live import LiveToken
from app.connections.vault import Vault
from app.errors import DatabaseUnavailable
from app.models.connection import LossCause
from app.models.identifiers import ConnectionId, Shard, shard_of_key
from app.models.token import Loss, RenewedToken
from app.refresher.stats import Stats
from app.store.database import Database
from app.store.tokens import TokenStore

log = structlog.get_logger(__name__)

_BATCH = 1_000
_PAUSE_AFTER_FAILURE_SECONDS = 0.5
_HANGS_AFTER_SECONDS = 0.5

_BUSY_FROM = 32
_GATHER_SECONDS = 0.003
"""After a batch of so many or more, the next one may gather for as long as a quick write takes:
small batches in close succession cost a sixth of all that a renewal costs."""


class Ledger:
    """`on_overtaken` is told of connections for which the database knows something newer."""

    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        clock: Clock,
        stats: Stats,
        on_overtaken: Callable[[Collection[ConnectionId]], None],
    ) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._stats = stats
        self._on_overtaken = on_overtaken
        self._renewed: dict[bytes, LiveToken] = {}
        self._lost: dict[bytes, Loss] = {}
        self._retried: dict[bytes, tuple[int, str | None]] = {}
        self._under_way: list[LiveToken] = []
        self._work = asyncio.Event()
        self._last_failed = False
        self._writing_since: float | None = None

    def __len__(self) -> int:
        return len(self._renewed) + len(self._lost)

    @property
    def is_behind(self) -> bool:
        """Whether what is stored is older than what is here: the last write failed, or hangs."""
        since = self._writing_since
        hangs = since is not None and self._clock.monotonic() - since > _HANGS_AFTER_SECONDS
        return self._last_failed or hangs

    def renewed(self, token: LiveToken) -> None:
        """Have it written, unless something newer waits for that already."""
        waiting = self._renewed.get(token.key)
        if waiting is None or _rank(waiting) <= _rank(token):
            self._renewed[token.key] = token
            self._work.set()

    def retried(self, token: LiveToken, attempts: int, reason: str | None) -> None:
        """Note for the timeline that its renewal, told next, took so many failed attempts."""
        self._retried[token.key] = (attempts, reason)

    def lost(self, loss: Loss) -> None:
        key = loss.connection_id.bytes
        waiting = self._renewed.get(key)
        if waiting is not None and waiting.generation <= loss.generation:
            del self._renewed[key]
        self._retried.pop(key, None)
        self._lost[key] = loss
        self._work.set()

    def has(self, token: LiveToken) -> bool:
        """Whether what we know of its connection is not yet in the database."""
        return (
            token.key in self._renewed
            or token.key in self._lost
            or any(token.key == one.key for one in self._under_way)
        )

    def has_any_of(self, shards: Collection[Shard]) -> bool:
        """Whether something of these is not yet in the database."""
        keys = (*self._renewed, *self._lost, *(token.key for token in self._under_way))
        return any(shard_of_key(key) in shards for key in keys)

    async def run(self) -> None:
        """Write for ever, over one connection; while the database is away, try again and again."""
        while True:
            await self._work.wait()
            try:
                async with self._database.statement() as tx:
                    while True:
                        await self._work.wait()
                        if await self._write_batch(TokenStore(tx)) >= _BUSY_FROM:
                            await asyncio.sleep(_GATHER_SECONDS)
            except DatabaseUnavailable:
                self._last_failed = True
                log.warning("write_behind_postponed", waiting=len(self))
                await asyncio.sleep(_PAUSE_AFTER_FAILURE_SECONDS)

    async def write_once(self) -> bool:
        """Write one batch of each kind; False if the database is away."""
        try:
            async with self._database.statement() as tx:
                await self._write_batch(TokenStore(tx))
        except DatabaseUnavailable:
            return False
        return True

    async def _write_batch(self, store: TokenStore) -> int:
        """How many were written.

        Nothing is dropped, also when this is cancelled: to write a batch twice does no harm.
        """
        renewed = self._under_way = self._take_renewed()
        lost = list(self._lost.values())[:_BATCH]
        self._writing_since = self._clock.monotonic()
        try:
            await self._write(store, renewed, lost)
        except BaseException:
            self._put_back(renewed)
            raise
        finally:
            self._under_way = []
            self._writing_since = None
        self._last_failed = False
        for loss in lost:
            if self._lost.get(loss.connection_id.bytes) is loss:
                del self._lost[loss.connection_id.bytes]
        if not self._renewed and not self._lost:
            self._work.clear()
        return len(renewed)

    async def _write(self, store: TokenStore, renewed: list[LiveToken], lost: list[Loss]) -> None:
        if renewed:
            overtaken = await store.write(self._sealed(renewed))
            for token in renewed if self._retried else ():
                self._retried.pop(token.key, None)
            self._tell(overtaken)
        if lost:
            settled = await store.lose(lost)
            for loss in lost:
                if loss.connection_id in settled:
                    self._stats.losses[LossCause(loss.cause)] += 1
                    log.warning(
                        "connection_lost", connection_id=str(loss.connection_id), cause=loss.cause
                    )
            self._tell({loss.connection_id for loss in lost} - settled)

    def _tell(self, overtaken: set[ConnectionId]) -> None:
        if overtaken:
            self._on_overtaken(overtaken)

    def _take_renewed(self) -> list[LiveToken]:
        if len(self._renewed) <= _BATCH:
            batch, self._renewed = list(self._renewed.values()), {}
            return batch
        return [self._renewed.pop(key) for key in list(islice(self._renewed, _BATCH))]

    def _put_back(self, batch: list[LiveToken]) -> None:
        for token in batch:
            self.renewed(token)

    def _sealed(self, batch: list[LiveToken]) -> list[RenewedToken]:
        sealed = self._vault.seal_all(batch)
        now = self._clock.monotonic()
        return [
            RenewedToken(
                token.key,
                token.generation,
                value,
                now - token.sent,
                token.sent + token.life - now,
                *self._retried.get(token.key, ()),
            )
            for token, value in zip(batch, sealed, strict=True)
        ]


def _rank(token: LiveToken) -> tuple[int, float]:
    """Of two that came from one token, the one that was asked for last lives longest."""
    return token.generation, token.sent
