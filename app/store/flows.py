"""Authorisation flows that are under way."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.flow import Flow, Surface
from app.store.intervals import seconds
from app.store.tables import flows


@dataclass(frozen=True, slots=True)
class ConsumedFlow:
    """A flow that this caller, and nobody else, may complete."""

    flow: Flow
    browser_hash: bytes


class FlowStore:
    """The table `flows`: one row per load, known by the secret its browser keeps."""

    def __init__(self, tx: AsyncConnection) -> None:
        self._tx = tx

    async def add(
        self, flow: Flow, *, state_hash: bytes, browser_hash: bytes, life_seconds: float
    ) -> None:
        await self._tx.execute(
            flows.insert().values(
                browser_hash=browser_hash,
                state_hash=state_hash,
                surface=flow.surface,
                params=[list(pair) for pair in flow.params],
                expires_at=func.now() + seconds(life_seconds),
            )
        )

    async def consume(
        self, *, state_hash: bytes, browser_hashes: Sequence[bytes]
    ) -> ConsumedFlow | None:
        """Take the oldest live flow of this state that one of these secrets began.

        One statement: however many callbacks come at once, each flow is taken once.
        """
        oldest = (
            select(flows.c.browser_hash)
            .where(
                flows.c.state_hash == state_hash,
                flows.c.browser_hash.in_(browser_hashes),
                flows.c.expires_at > func.now(),
            )
            .order_by(flows.c.created_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        statement = (
            delete(flows)
            .where(flows.c.browser_hash == oldest.scalar_subquery())
            .returning(flows.c.browser_hash, flows.c.surface, flows.c.params)
        )
        row = (await self._tx.execute(statement)).one_or_none()
        if row is None:
            return None
        params = tuple((name, value) for name, value in row.params)
        return ConsumedFlow(Flow(Surface(row.surface), params), row.browser_hash)

    async def is_pending_elsewhere(
        self, *, state_hash: bytes, browser_hashes: Sequence[bytes]
    ) -> bool:
        """Whether a flow of this state is under way in another browser than this one."""
        pending = exists().where(
            flows.c.state_hash == state_hash,
            flows.c.browser_hash.not_in(browser_hashes),
            flows.c.expires_at > func.now(),
        )
        return bool((await self._tx.execute(select(pending))).scalar_one())

    async def purge(self) -> int:
        """Remove what has expired; how many that were."""
        result = await self._tx.execute(delete(flows).where(flows.c.expires_at <= func.now()))
        return result.rowcount
