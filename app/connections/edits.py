"""What an operator says of a connection: whose it is, how it is called, where its calls go."""

from collections.abc import Collection

from app.errors.administration import ApiUrlRefused, ConnectionUnknown, ExternalIdTaken
from app.infobip.hosts import api_origin
from app.models.audit import Action, Deed
from app.models.connection import Connection, ConnectionChanges, ConnectionStatus, ConnectionType
from app.models.identifiers import ConnectionId
from app.store.audit import AuditStore
from app.store.connections import ConnectionStore
from app.store.database import Database
from app.store.linking import LinkingStore


class ConnectionEdits:
    """Changes of what the operator chose; what Infobip said of a connection stays as it is."""

    def __init__(self, *, database: Database, api_hosts: Collection[str]) -> None:
        self._database = database
        self._api_hosts = api_hosts

    async def change(
        self, connection_id: ConnectionId, changes: ConnectionChanges, *, actor: str
    ) -> Connection:
        """Make these changes, all or none; the connection as it is then.

        Raises ConnectionUnknown, ApiUrlRefused, ExternalIdTaken or DatabaseUnavailable.
        """
        changes = self._judged(changes)
        async with self._database.transaction() as tx:
            connections = ConnectionStore(tx)
            before = await connections.get(connection_id)
            if before is None:
                raise ConnectionUnknown
            if not changes:
                return before
            await _judge_external_id(LinkingStore(tx), before, changes.get("external_id"))
            await connections.change(connection_id, changes)
            await AuditStore(tx).add(
                Deed(actor, Action.CONNECTION_CHANGED, connection_id, _in_words(changes))
            )
            after = await connections.get(connection_id)
        if after is None:
            raise ConnectionUnknown
        return after

    def _judged(self, changes: ConnectionChanges) -> ConnectionChanges:
        given = changes.get("api_url")
        if given is None:
            return changes
        origin = api_origin(given, self._api_hosts)
        if origin is None:
            raise ApiUrlRefused
        return {**changes, "api_url": origin}


async def _judge_external_id(
    linking: LinkingStore, connection: Connection, external_id: str | None
) -> None:
    """The same rule as for links: one name, one account. API keys know no account.

    Under the lock that links take, so that nobody else is linked to the name meanwhile.
    """
    applies = (
        connection.type is ConnectionType.OAUTH
        and connection.status is not ConnectionStatus.DISCONNECTED
    )
    if external_id is None or not applies:
        return
    await linking.lock_external_id(external_id)
    linked = await linking.accounts_linked_to(external_id, other_than=connection.id)
    if linked - {connection.profile.account_key}:
        raise ExternalIdTaken


def _in_words(changes: ConnectionChanges) -> dict[str, str]:
    """For the record: the new values, empty where cleared."""
    names = {"external_id": "externalId", "api_url": "apiUrl", "label": "label"}
    return {
        written: str(changes.get(name) or "") for name, written in names.items() if name in changes
    }
