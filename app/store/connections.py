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
    case,
    func,
    literal,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.connection import (
    Connection,
    ConnectionChanges,
    ConnectionState,
    ConnectionStatus,
    ConnectionType,
    Group,
    Profile,
    Role,
)
from app.models.event import EventType
from app.models.identifiers import ConnectionId
from app.models.listing import Place, Wanted
from app.models.timeline import TimelineEvent
from app.store.beginnings import tell_beginning
from app.store.endings import telling
from app.store.intervals import seconds as interval
from app.store.outbox import OutboxStore
from app.store.tables import connections, sessions, tokens
from app.store.timeline import TimelineStore

CHANNEL = "hearth_connections"
"""Where the ids of connections that were made, remade or ended are told (LISTEN/NOTIFY)."""

_NOW: ColumnElement[Any] = func.now()

_TOLD_BY = (
    connections.c.id,
    connections.c.type,
    connections.c.status,
    connections.c.external_id,
)
_MADE_NOW = (connections.c.created_at == _NOW).label("made_now")

_COLUMNS = [column for column in connections.c if column.name != "sealed_api_key"]
"""A key is brought only where it is asked for."""


class ConnectionStore:
    """The table `connections`, and what else changes when a connection begins or ends."""

    def __init__(self, tx: AsyncConnection) -> None:
        self._tx = tx

    async def connect(
        self, new_id: ConnectionId, profile: Profile, *, external_id: str | None = None
    ) -> ConnectionId:
        """Make the account and user's connection active; theirs keeps its id if it exists.

        It also keeps its `external_id` where none is given, unless it was disconnected: that name
        may be somebody else's by now.
        """
        values = {**_profile_values(profile), "external_id": external_id}
        was_ended = connections.c.status == ConnectionStatus.DISCONNECTED
        kept = case((was_ended, None), else_=connections.c.external_id)
        renewed = {
            **values,
            "external_id": kept if external_id is None else external_id,
            "status": ConnectionStatus.ACTIVE,
            "reason": None,
            "connected_at": _NOW,
            "changed_at": _NOW,
        }
        before = await self._before(
            connections.c.account_key == profile.account_key,
            connections.c.user_key == profile.user_key,
        )
        statement = (
            insert(connections)
            .values(id=new_id, status=ConnectionStatus.ACTIVE, **values)
            .on_conflict_do_update(index_elements=["account_key", "user_key"], set_=renewed)
            .returning(*_TOLD_BY, _MADE_NOW)
        )
        row = (await self._tx.execute(statement)).one()
        await tell_beginning(self._tx, ConnectionId(row.id), before, row)
        return ConnectionId(row.id)

    async def get(self, connection_id: ConnectionId) -> Connection | None:
        """The connection with its token's times."""
        statement = select_connections().where(connections.c.id == connection_id)
        row = (await self._tx.execute(statement)).one_or_none()
        return connection_of(row) if row else None

    async def list_newest(
        self, wanted: Wanted, *, after: Place | None, limit: int
    ) -> list[Connection]:
        """The newest first; `after` is the place of the last one of the page before."""
        found = select_connections().order_by(
            connections.c.created_at.desc(), connections.c.id.desc()
        )
        for wanted_column, value in (
            (connections.c.status, wanted.status),
            (connections.c.type, wanted.type),
            (connections.c.account_key, wanted.account_key),
            (connections.c.external_id, wanted.external_id),
        ):
            if value is not None:
                found = found.where(wanted_column == value)
        if after is not None:
            place = tuple_(connections.c.created_at, connections.c.id)
            found = found.where(place < tuple_(literal(after.created_at), literal(after.id)))
        return [connection_of(row) for row in await self._tx.execute(found.limit(limit))]

    async def list_alive(self, *, limit: int) -> list[Connection]:
        """Those that have a live token; what was connected (or found alive again) last is first."""
        alive = (
            select_connections()
            .where(
                connections.c.status == ConnectionStatus.ACTIVE,
                tokens.c.sealed.is_not(None),
                tokens.c.expires_at > _NOW,
            )
            .order_by(connections.c.changed_at.desc())
        )
        return [connection_of(row) for row in await self._tx.execute(alive.limit(limit))]

    async def count(self) -> dict[ConnectionStatus, int]:
        """How many there are in each state; looks at all of them."""
        statement = select(connections.c.status, func.count()).group_by(connections.c.status)
        found = {ConnectionStatus(row[0]): int(row[1]) for row in await self._tx.execute(statement)}
        return {status: found.get(status, 0) for status in ConnectionStatus}

    async def put_api_key(
        self,
        connection_id: ConnectionId,
        sealed: bytes,
        *,
        api_url: str | None = None,
        external_id: str | None = None,
        label: str | None = None,
    ) -> Connection:
        """Make an active connection of an account's API key.

        One that is there already gets the key, and keeps what else it has.
        """
        before = await self._before(connections.c.id == connection_id)
        live = {"status": ConnectionStatus.ACTIVE, "reason": None, "sealed_api_key": sealed}
        made = {"type": ConnectionType.API_KEY, "roles": [], "groups": []}
        named = {"api_url": api_url, "external_id": external_id, "label": label}
        statement = (
            insert(connections)
            .values(id=connection_id, **made, **named, **live)
            .on_conflict_do_update(
                index_elements=["id"], set_={**live, "connected_at": _NOW, "changed_at": _NOW}
            )
        )
        await self._tx.execute(statement)
        put = select_connections(_MADE_NOW).where(connections.c.id == connection_id)
        row = (await self._tx.execute(put)).one()
        await tell_beginning(self._tx, connection_id, before, row)
        return connection_of(row)

    async def sealed_api_key(self, connection_id: ConnectionId) -> bytes | None:
        """The key of an active connection that has one."""
        statement = select(connections.c.sealed_api_key).where(
            connections.c.id == connection_id,
            connections.c.status == ConnectionStatus.ACTIVE,
        )
        sealed: bytes | None = (await self._tx.execute(statement)).scalar_one_or_none()
        return sealed

    async def change(self, connection_id: ConnectionId, changes: ConnectionChanges) -> None:
        """Put in what the operator says of it; what is None is cleared."""
        statement = update(connections).where(connections.c.id == connection_id)
        await self._tx.execute(statement.values(**changes))

    async def disconnect(self, connection_id: ConnectionId) -> bool:
        """End it for good: key gone, sessions gone. False when it was not active or lost."""
        statement = (
            update(connections)
            .where(
                connections.c.id == connection_id,
                connections.c.status != ConnectionStatus.DISCONNECTED,
            )
            .values(
                status=ConnectionStatus.DISCONNECTED,
                reason=None,
                sealed_api_key=None,
                changed_at=_NOW,
            )
        )
        ended = (await self._tx.execute(statement)).rowcount == 1
        if ended:
            await self._tx.execute(telling(sessions.delete().where(_of_connection(connection_id))))
            await TimelineStore(self._tx).add(connection_id, TimelineEvent.DISCONNECTED)
            await OutboxStore(self._tx).tell(EventType.DISCONNECTED, connection_id)
        return ended

    async def _before(self, *which: ColumnElement[bool]) -> Row[Any, Any] | None:
        """A connection as it is before it is connected, and as it stays until then."""
        statement = select(connections.c.status, connections.c.external_id).where(*which)
        return (await self._tx.execute(statement.with_for_update())).one_or_none()

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

    async def states(self, ids: Sequence[ConnectionId]) -> dict[ConnectionId, ConnectionState]:
        """Whether these connections live."""
        statement = select(connections.c.id, connections.c.status, connections.c.reason).where(
            connections.c.id == any_(literal(list(ids), ARRAY(Uuid)))
        )
        return {
            ConnectionId(row.id): ConnectionState(ConnectionStatus(row.status), row.reason)
            for row in await self._tx.execute(statement)
        }

    async def not_active(self, ids: Sequence[ConnectionId]) -> list[ConnectionId]:
        """Those of these connections that have been lost or disconnected."""
        statement = select(connections.c.id).where(
            connections.c.id == any_(literal(list(ids), ARRAY(Uuid))),
            connections.c.status != ConnectionStatus.ACTIVE,
        )
        return [ConnectionId(row.id) for row in await self._tx.execute(statement)]


def select_connections(*further: Any) -> Select[Any]:
    """Connections joined with their tokens' times, where they have one, and further columns."""
    return select(*_COLUMNS, tokens.c.renewed_at, tokens.c.expires_at, *further).join_from(
        connections, tokens, tokens.c.connection_id == connections.c.id, isouter=True
    )


def connection_of(row: Row[Any]) -> Connection:
    """The value of a row that `select_connections` brought."""
    return Connection(
        id=ConnectionId(row.id),
        type=ConnectionType(row.type),
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
        external_id=row.external_id,
        label=row.label,
        api_url=row.api_url,
        created_at=row.created_at,
        connected_at=row.connected_at,
        renewed_at=row.renewed_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
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
