"""Authorisation flows that are under way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.flow import Activation, EmbeddedLoad, Flow, KeptIn, Surface
from app.models.identifiers import FlowId, LinkId
from app.store.intervals import seconds
from app.store.tables import flows


@dataclass(frozen=True, slots=True)
class StoredFlow:
    """A flow, and the hash of what its browser has to bring back."""

    flow: Flow
    proof_hash: bytes


@dataclass(frozen=True, slots=True)
class Purged:
    """How many flows are gone, and the links that some of them were for."""

    flows: int
    links: Sequence[LinkId]


class FlowStore:
    """The table `flows`: one row per load or activation, taken at most once."""

    def __init__(self, tx: AsyncConnection) -> None:
        self._tx = tx

    async def add(
        self, flow: Flow, *, state_hash: bytes, proof_hash: bytes, life_seconds: float
    ) -> None:
        await self._tx.execute(
            flows.insert().values(
                id=flow.id,
                state_hash=state_hash,
                proof_hash=proof_hash,
                kept_in=flow.kept_in,
                challenged=flow.challenged,
                expires_at=func.now() + seconds(life_seconds),
                **_purpose_values(flow.purpose),
            )
        )

    async def consume(
        self, *, state_hash: bytes, proof_hashes: Sequence[bytes], kept_in: KeptIn, flow_id: FlowId
    ) -> StoredFlow | None:
        """Take this live flow, if it has this state and one of these proofs.

        One statement: however many callbacks come at once, each flow is taken once.
        """
        statement = (
            delete(flows)
            .where(_live(state_hash, proof_hashes, kept_in), flows.c.id == flow_id)
            .returning(*flows.c)
        )
        row = (await self._tx.execute(statement)).one_or_none()
        return _stored_flow(row) if row else None

    async def proven(
        self, *, state_hash: bytes, proof_hashes: Sequence[bytes], kept_in: KeptIn
    ) -> list[StoredFlow]:
        """Live flows of this state that these proofs belong to, the oldest first."""
        statement = (
            select(flows)
            .where(_live(state_hash, proof_hashes, kept_in))
            .order_by(flows.c.created_at, flows.c.id)
        )
        return [_stored_flow(row) for row in await self._tx.execute(statement)]

    async def pending(self, *, state_hash: bytes) -> list[Flow]:
        """All live flows of this state, whoever began them, the newest first."""
        statement = (
            select(flows)
            .where(flows.c.state_hash == state_hash, flows.c.expires_at > func.now())
            .order_by(flows.c.created_at.desc(), flows.c.id)
            .limit(16)
        )
        return [_stored_flow(row).flow for row in await self._tx.execute(statement)]

    async def refuse_links(self, *, state_hash: bytes) -> list[LinkId]:
        """Note that a browser brought no proof for these flows; the links this is news for."""
        statement = (
            update(flows)
            .where(
                flows.c.state_hash == state_hash,
                flows.c.link_id.is_not(None),
                flows.c.refused.is_(False),
            )
            .values(refused=True)
            .returning(flows.c.link_id)
        )
        return [LinkId(found) for found in (await self._tx.execute(statement)).scalars()]

    async def purge(self, *, at_most: int) -> Purged:
        """Remove what has expired: flows that nobody completed."""
        expired = (
            select(flows.c.id)
            .where(flows.c.expires_at <= func.now())
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
        statement = delete(flows).where(flows.c.id.in_(expired)).returning(flows.c.link_id)
        found = (await self._tx.execute(statement)).scalars().all()
        return Purged(len(found), [LinkId(link_id) for link_id in found if link_id is not None])


def _live(state_hash: bytes, proof_hashes: Sequence[bytes], kept_in: KeptIn) -> Any:
    return and_(
        flows.c.state_hash == state_hash,
        flows.c.proof_hash.in_(proof_hashes),
        flows.c.kept_in == kept_in,
        flows.c.expires_at > func.now(),
    )


def _purpose_values(purpose: EmbeddedLoad | Activation) -> dict[str, Any]:
    match purpose:
        case EmbeddedLoad(surface, params, front_end):
            pairs = [list(pair) for pair in params]
            return {"surface": surface, "params": pairs, "front_end": front_end}
        case Activation(link_id, return_to):
            return {"params": [], "link_id": link_id, "return_to": return_to}


def _stored_flow(row: Row[Any]) -> StoredFlow:
    purpose: EmbeddedLoad | Activation
    if row.surface is None:
        purpose = Activation(LinkId(row.link_id) if row.link_id else None, row.return_to)
    else:
        params = tuple((name, value) for name, value in row.params)
        purpose = EmbeddedLoad(Surface(row.surface), params, row.front_end)
    flow = Flow(FlowId(row.id), purpose, KeptIn(row.kept_in), row.challenged)
    return StoredFlow(flow, row.proof_hash)
