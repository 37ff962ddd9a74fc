"""Activation links, known by the hash of their token."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.flow import FLOW_SECONDS
from app.models.identifiers import ConnectionId, LinkId
from app.models.link import ActivationLink, LinkStatus
from app.store.intervals import seconds
from app.store.tables import activation_links as links

_NOW: ColumnElement[Any] = func.now()
_ON_ITS_WAY: ColumnElement[bool] = and_(
    links.c.begun_by_hash.is_not(None), links.c.begun_at > _NOW - seconds(FLOW_SECONDS)
)
"""Whether a browser may still come back from Authorize with this link."""


class LinkStore:
    """The table `activation_links`."""

    def __init__(self, tx: AsyncConnection) -> None:
        self._tx = tx

    async def add(
        self,
        link_id: LinkId,
        *,
        token_hash: bytes,
        external_id: str | None,
        for_connection: ConnectionId | None,
        return_to: str | None,
        scopes: Sequence[str],
        created_by: str,
        life_seconds: float,
    ) -> ActivationLink:
        await self._tx.execute(
            links.insert().values(
                id=link_id,
                token_hash=token_hash,
                external_id=external_id,
                for_connection_id=for_connection,
                return_to=return_to,
                scopes=" ".join(scopes),
                created_by=created_by,
                expires_at=_NOW + seconds(life_seconds),
            )
        )
        row = (await self._tx.execute(_select().where(links.c.id == link_id))).one()
        return _link(row)

    async def find(self, *, token_hash: bytes) -> ActivationLink | None:
        statement = _select().where(links.c.token_hash == token_hash)
        row = (await self._tx.execute(statement)).one_or_none()
        return _link(row) if row else None

    async def begun_by(self, *, token_hash: bytes) -> bytes | None:
        """The hash of what the browser carries that is on its way with this link, if one is."""
        statement = select(links.c.begun_by_hash).where(
            links.c.token_hash == token_hash, _ON_ITS_WAY
        )
        return (await self._tx.execute(statement)).scalar_one_or_none()

    async def claim(
        self, *, token_hash: bytes, by_hash: bytes, known_hashes: Sequence[bytes]
    ) -> LinkId | None:
        """Let a browser go on its way with the link, unless another one already is.

        `known_hashes` are those of what it carries from earlier tries.
        """
        statement = (
            update(links)
            .where(
                links.c.token_hash == token_hash,
                links.c.used_at.is_(None),
                links.c.expires_at > _NOW,
                or_(
                    links.c.begun_by_hash.is_(None),
                    links.c.begun_by_hash.in_(known_hashes),
                    links.c.begun_at <= _NOW - seconds(FLOW_SECONDS),
                ),
            )
            .values(begun_at=_NOW, begun_by_hash=by_hash)
            .returning(links.c.id)
        )
        found = (await self._tx.execute(statement)).scalar_one_or_none()
        return LinkId(found) if found else None

    async def release(self, link_id: LinkId, *, by_hash: bytes) -> None:
        """This browser's way with it is over, and led nowhere."""
        await self._tx.execute(
            update(links)
            .where(links.c.id == link_id, links.c.begun_by_hash == by_hash)
            .values(begun_by_hash=None)
        )

    async def lock(self, link_id: LinkId) -> ActivationLink | None:
        """The link as it is, and as it stays until the transaction ends."""
        statement = _select().where(links.c.id == link_id).with_for_update()
        row = (await self._tx.execute(statement)).one_or_none()
        return _link(row) if row else None

    async def use(self, link_id: LinkId, connection_id: ConnectionId) -> None:
        """It is used up; the caller holds its lock."""
        await self._tx.execute(
            update(links)
            .where(links.c.id == link_id)
            .values(used_at=_NOW, connection_id=connection_id)
        )

    async def unused(self, link_ids: Sequence[LinkId]) -> list[LinkId]:
        """Those of these links that led to no connection, each once."""
        statement = select(links.c.id).where(links.c.id.in_(link_ids), links.c.used_at.is_(None))
        return [LinkId(found) for found in (await self._tx.execute(statement)).scalars()]

    async def remove(self, link_id: LinkId) -> None:
        """It is gone, and so are the flows that are under way with it."""
        await self._tx.execute(links.delete().where(links.c.id == link_id))

    async def list_newest(
        self, *, before: ActivationLink | None = None, limit: int
    ) -> list[ActivationLink]:
        """The newest first; `before` is the last one of the page before."""
        statement = _select().order_by(links.c.created_at.desc(), links.c.id.desc())
        if before is not None:
            statement = statement.where(
                func.row(links.c.created_at, links.c.id) < func.row(before.created_at, before.id)
            )
        return [_link(row) for row in await self._tx.execute(statement.limit(limit))]

    async def get(self, link_id: LinkId) -> ActivationLink | None:
        row = (await self._tx.execute(_select().where(links.c.id == link_id))).one_or_none()
        return _link(row) if row else None

    async def purge(self, *, kept_seconds: float) -> int:
        """Remove links whose time was over so long ago."""
        statement = links.delete().where(links.c.expires_at <= _NOW - seconds(kept_seconds))
        return (await self._tx.execute(statement)).rowcount


def _select() -> Select[Any]:
    status = case(
        (links.c.used_at.is_not(None), LinkStatus.USED),
        (links.c.expires_at <= _NOW, LinkStatus.EXPIRED),
        (_ON_ITS_WAY, LinkStatus.BEGUN),
        (links.c.begun_at.is_not(None), LinkStatus.ABANDONED),
        else_=LinkStatus.PENDING,
    ).label("status")
    return select(*links.c, status)


def _link(row: Row[Any]) -> ActivationLink:
    return ActivationLink(
        id=LinkId(row.id),
        status=LinkStatus(row.status),
        external_id=row.external_id,
        for_connection=ConnectionId(row.for_connection_id) if row.for_connection_id else None,
        return_to=row.return_to,
        scopes=tuple((row.scopes or "").split()),
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        begun_at=row.begun_at,
        used_at=row.used_at,
        connection_id=ConnectionId(row.connection_id) if row.connection_id else None,
    )
