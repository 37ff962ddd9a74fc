"""Connections: whom they stand for and whether they live."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Uuid,
    any_,
    func,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.connection import Connection, ConnectionStatus, Group, Profile, Role
from app.models.identifiers import ConnectionId
from app.store.intervals import seconds as interval
from app.store.tables import connections, sessions, tokens

CHANNEL = "hearth_connections"
"""Where the ids of connections that were made, remade or ended are told (LISTEN/NOTIFY)."""

_NOW: ColumnElement[Any] = func.now()


class ConnectionStore:
    """The table `connections`, and what else changes when a connection begins or ends."""

    def __init__(self, tx: AsyncConnection) -> None:
        self._tx = tx

    async def connect(self, new_id: ConnectionId, profile: Profile) -> ConnectionId:
        """Make the account and user's connection active; theirs keeps its id if it exists."""
        values = _profile_values(profile)
        renewed = {
            **values,
            "status": ConnectionStatus.ACTIVE,
            "reason": None,
            "connected_at": _NOW,
            "changed_at": _NOW,
        }
        statement = (
            insert(connections)
            .values(id=new_id, status=ConnectionStatus.ACTIVE, **values)
            .on_conflict_do_update(index_elements=["account_key", "user_key"], set_=renewed)
            .returning(connections.c.id)
        )
        return ConnectionId((await self._tx.execute(statement)).scalar_one())

    async def get(self, connection_id: ConnectionId) -> Connection | None:
        """The connection with its token's times."""
        statement = select_connections().where(connections.c.id == connection_id)
        row = (await self._tx.execute(statement)).one_or_none()
        return connection_of(row) if row else None

    async def disconnect(self, connection_id: ConnectionId) -> bool:
        """End it for good: token gone, sessions gone. False when it was not active or lost."""
        statement = (
            update(connections)
            .where(
                connections.c.id == connection_id,
                connections.c.status != ConnectionStatus.DISCONNECTED,
            )
            .values(status=ConnectionStatus.DISCONNECTED, reason=None, changed_at=_NOW)
        )
        ended = (await self._tx.execute(statement)).rowcount == 1
        if ended:
            await self._tx.execute(sessions.delete().where(_of_connection(connection_id)))
        return ended

    async def tell(self, connection_id: ConnectionId) -> None:
        """Tell the refreshers, once this transaction is committed, to look at it again."""
        await self._tx.execute(
            text("SELECT pg_notify(:channel, :id)"), {"channel": CHANNEL, "id": str(connection_id)}
        )

    async def changed_within(self, seconds: float) -> list[ConnectionId]:
        """Connections that were made, remade, lost or ended lately: what a poll looks at."""
        since = _NOW - interval(seconds)
        statement = select(connections.c.id).where(connections.c.changed_at > since)
        return [ConnectionId(row.id) for row in await self._tx.execute(statement)]

    async def not_active(self, ids: Sequence[ConnectionId]) -> list[ConnectionId]:
        """Those of these connections that have been lost or disconnected."""
        statement = select(connections.c.id).where(
            connections.c.id == any_(literal(list(ids), ARRAY(Uuid))),
            connections.c.status != ConnectionStatus.ACTIVE,
        )
        return [ConnectionId(row.id) for row in await self._tx.execute(statement)]


def select_connections(*further: Any) -> Select[Any]:
    """Connections joined with their tokens' times, and further columns."""
    return select(*connections.c, tokens.c.renewed_at, tokens.c.expires_at, *further).join_from(
        connections, tokens, tokens.c.connection_id == connections.c.id
    )


def connection_of(row: Row[Any]) -> Connection:
    """The value of a row that `select_connections` brought."""
    return Connection(
        id=ConnectionId(row.id),
        status=ConnectionStatus(row.status),
        reason=row.reason,
        profile=Profile(
            account_key=row.account_key,
            user_key=row.user_key,
            username=row.username,
            email=row.email,
            locale=row.locale,
            roles=tuple(Role(item["id"], item["name"]) for item in row.roles),
            groups=tuple(Group(item["id"], item["name"]) for item in row.groups),
        ),
        created_at=row.created_at,
        connected_at=row.connected_at,
        renewed_at=row.renewed_at,
        expires_at=row.expires_at,
    )


def _of_connection(connection_id: UUID) -> ColumnElement[bool]:
    return sessions.c.connection_id == connection_id


def _profile_values(profile: Profile) -> dict[str, Any]:
    return {
        "account_key": profile.account_key,
        "user_key": profile.user_key,
        "username": profile.username,
        "email": profile.email,
        "locale": profile.locale,
        "roles": _named(profile.roles),
        "groups": _named(profile.groups),
    }


def _named(items: Iterable[Role | Group]) -> list[dict[str, Any]]:
    return [{"id": item.id, "name": item.name} for item in items]
