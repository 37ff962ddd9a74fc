"""Sealing anew, under the newest key, what older ones have sealed; beside all that goes on.

Nothing is kept of how far it came: what is sealed under the newest key is done. So it can be
stopped at any time, and run by several at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.connections.vault import Vault
from app.security.sealing import Unsealable
from app.store.database import Database
from app.store.sealed import API_KEYS, TOKENS, Exchanged, SealedColumn, SealedValue, SealedValues

_BATCH = 500
_PASSES = 3
"""Renewals that were under way may write once more under the key that their process sealed with."""


@dataclass(frozen=True, slots=True)
class Progress:
    """So many of one kind are done, of so many that there were to do."""

    what: str
    done: int
    of: int


@dataclass(frozen=True, slots=True)
class Resealed:
    """What came of it. `unopenable` are connections whose values none of the keys opens; `left` are
    values that somebody went on sealing under an older key."""

    done: int
    left: int
    unopenable: tuple[UUID, ...]


@dataclass(slots=True)
class _Pass:
    done: int
    unopenable: list[UUID]


class Resealing:
    """`on_progress` is told after each batch."""

    def __init__(
        self, *, database: Database, vault: Vault, on_progress: Callable[[Progress], None]
    ) -> None:
        self._database = database
        self._vault = vault
        self._on_progress = on_progress

    async def run(self) -> Resealed:
        """Raises DatabaseUnavailable; what was done until then is done."""
        parts = [
            await self._column("tokens", TOKENS, self._vault.reseal_token),
            await self._column("API keys", API_KEYS, self._vault.reseal_api_key),
        ]
        return Resealed(
            done=sum(part.done for part in parts),
            left=sum(part.left for part in parts),
            unopenable=tuple(row for part in parts for row in part.unopenable),
        )

    async def _column(
        self, what: str, column: SealedColumn, reseal: Callable[[UUID, bytes], bytes]
    ) -> Resealed:
        done, left, unopenable = 0, await self._left(column), list[UUID]()
        for _ in range(_PASSES):
            if left == len(unopenable):
                break
            passed = await self._pass(what, column, reseal, of=left)
            done, unopenable = done + passed.done, passed.unopenable
            left = await self._left(column)
        return Resealed(done, left - len(unopenable), tuple(unopenable))

    async def _pass(
        self, what: str, column: SealedColumn, reseal: Callable[[UUID, bytes], bytes], *, of: int
    ) -> _Pass:
        """Once through the column, a batch and a short transaction at a time."""
        passed, seen, after = _Pass(0, []), 0, None
        while batch := await self._next(column, after):
            exchanged = []
            for value in batch:
                try:
                    exchanged.append(
                        Exchanged(value.row, value.sealed, reseal(value.row, value.sealed))
                    )
                except Unsealable:
                    passed.unopenable.append(value.row)
            passed.done += await self._exchange(column, exchanged)
            seen, after = seen + len(batch), batch[-1].row
            self._on_progress(Progress(what, seen, max(of, seen)))
        return passed

    async def _left(self, column: SealedColumn) -> int:
        async with self._database.statement() as tx:
            return await SealedValues(tx, column).count_not_under(self._vault.newest_key_id)

    async def _next(self, column: SealedColumn, after: UUID | None) -> list[SealedValue]:
        async with self._database.statement() as tx:
            return await SealedValues(tx, column).list_not_under(
                self._vault.newest_key_id, after=after, limit=_BATCH
            )

    async def _exchange(self, column: SealedColumn, batch: Sequence[Exchanged]) -> int:
        if not batch:
            return 0
        async with self._database.statement() as tx:
            return await SealedValues(tx, column).exchange(batch)
