"""Who is linked to whom: accounts and users of Infobip, and the operator's names for them."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.connection import ConnectionStatus, ConnectionType, Profile
from app.models.identifiers import ConnectionId
from app.store.tables import connections


class LinkingStore:
    """The table `connections`, as far as it says who belongs to whom."""

    def __init__(self, tx: AsyncConnection) -> None:
        self._tx = tx

    async def lock_external_id(self, external_id: str) -> None:
        """Let nobody else link somebody to this name until the transaction ends."""
        key = func.hashtextextended(f"external_id/{external_id}", 0)
        await self._tx.execute(select(func.pg_advisory_xact_lock(key)))

    async def lock_person(self, profile: Profile) -> None:
        """Let nobody else link this user of Infobip until the transaction ends."""
        key = func.hashtextextended(f"person/{profile.account_key}/{profile.user_key}", 0)
        await self._tx.execute(select(func.pg_advisory_xact_lock(key)))

    async def accounts_linked_to(
        self, external_id: str, *, other_than: ConnectionId | None = None
    ) -> set[str | None]:
        """Those that are linked to this name; there may be several users of one."""
        statement = select(connections.c.account_key).where(
            connections.c.type == ConnectionType.OAUTH,
            connections.c.external_id == external_id,
            connections.c.status != ConnectionStatus.DISCONNECTED,
        )
        if other_than is not None:
            statement = statement.where(connections.c.id != other_than)
        return set((await self._tx.execute(statement)).scalars())

    async def account_of(self, connection_id: ConnectionId) -> set[str | None]:
        """That of this connection; nothing where there is none."""
        statement = select(connections.c.account_key).where(connections.c.id == connection_id)
        return set((await self._tx.execute(statement)).scalars())

    async def external_id_of(self, profile: Profile) -> str | None:
        """The name that this account and user are linked to, unless they were disconnected."""
        statement = select(connections.c.external_id).where(
            connections.c.account_key == profile.account_key,
            connections.c.user_key == profile.user_key,
            connections.c.status != ConnectionStatus.DISCONNECTED,
        )
        return (await self._tx.execute(statement)).scalar_one_or_none()
