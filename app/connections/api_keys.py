"""Connections with an API key, for private apps: no person, no flow, nothing to renew."""

from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, uuid4, uuid5

import structlog

from app.connections.trouble import passing_trouble
from app.connections.vault import Vault
from app.errors import HearthError
from app.errors.administration import ApiKeyRefused, ApiUrlRefused
from app.infobip.api_keys import check_api_key
from app.infobip.errors import InfobipError, Refused
from app.infobip.hosts import api_origin
from app.infobip.transport import Transport
from app.models.audit import SETTINGS, Action, Deed
from app.models.connection import Connection, ConnectionStatus
from app.models.identifiers import ConnectionId
from app.security.sealing import Unsealable
from app.store.audit import AuditStore
from app.store.connections import ConnectionStore
from app.store.database import Database

log = structlog.get_logger(__name__)

CONFIGURED_LABEL = "INFOBIP_API_KEY"
CONFIGURED_ID = ConnectionId(uuid5(NAMESPACE_URL, f"urn:hearth:connection:{CONFIGURED_LABEL}"))
"""The connection of the key in our own settings: the same one for ever, in every deployment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiKey:
    """A key to be kept. `api_url` is the account's personal API base URL, if not the default."""

    api_key: str = field(repr=False)
    api_url: str | None = None
    external_id: str | None = None
    label: str | None = None


class ApiKeys:
    """Keys come in here and are sealed; `UsableTokens` takes them out again.

    The same key given twice makes two connections: it may serve two of the operator's customers,
    and sealed values cannot be compared, which is what they are for.
    """

    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        transport: Transport,
        api_url: str,
        api_hosts: Collection[str],
    ) -> None:
        self._database = database
        self._vault = vault
        self._transport = transport
        self._api_url = api_url
        self._api_hosts = api_hosts

    async def add(self, new: NewApiKey, *, check: bool, actor: str) -> Connection:
        """Make a connection of a key that Infobip knows; without `check` nobody asks Infobip.

        Raises ApiUrlRefused, ApiKeyRefused, InfobipUnreachable, InfobipTimeout,
        InfobipThrottled or DatabaseUnavailable; then nothing is stored.
        """
        api_url = self._judge(new.api_url)
        if check:
            await self._check(new.api_key, api_url or self._api_url)
        connection_id = ConnectionId(uuid4())
        sealed = self._vault.seal_api_key(connection_id, new.api_key)
        details = {"checked": "true" if check else "false", "externalId": new.external_id or ""}
        async with self._database.transaction() as tx:
            connection = await ConnectionStore(tx).put_api_key(
                connection_id,
                sealed,
                api_url=api_url,
                external_id=new.external_id,
                label=new.label,
            )
            await AuditStore(tx).add(Deed(actor, Action.API_KEY_ADDED, connection_id, details))
        log.info("api_key_added", connection_id=str(connection_id))
        return connection

    async def keep_configured(self, api_key: str | None) -> None:
        """Make the connection CONFIGURED_ID what the settings say; several at once do no harm.

        Without a key in the settings, it ends. Infobip is not asked. Raises DatabaseUnavailable.
        """
        async with self._database.transaction() as tx:
            connections = ConnectionStore(tx)
            if api_key is None:
                ended = await connections.disconnect(CONFIGURED_ID)
                action = Action.DISCONNECTED if ended else None
            elif await self._is_kept(connections, api_key):
                action = None
            else:
                sealed = self._vault.seal_api_key(CONFIGURED_ID, api_key)
                await connections.put_api_key(CONFIGURED_ID, sealed, label=CONFIGURED_LABEL)
                action = Action.API_KEY_ADDED
            if action is not None:
                await AuditStore(tx).add(Deed(SETTINGS, action, CONFIGURED_ID))
        if action is not None:
            log.info("configured_api_key", outcome=action)

    async def _is_kept(self, connections: ConnectionStore, api_key: str) -> bool:
        known = await connections.get(CONFIGURED_ID)
        sealed = await connections.sealed_api_key(CONFIGURED_ID)
        if known is None or known.status is not ConnectionStatus.ACTIVE or sealed is None:
            return False
        try:
            return self._vault.open_api_key(CONFIGURED_ID, sealed) == api_key
        except Unsealable:
            return False

    def _judge(self, api_url: str | None) -> str | None:
        if api_url is None:
            return None
        origin = api_origin(api_url, self._api_hosts)
        if origin is None:
            raise ApiUrlRefused
        return origin

    async def _check(self, api_key: str, api_url: str) -> None:
        try:
            await check_api_key(self._transport, api_url=api_url, api_key=api_key)
        except InfobipError as error:
            log.warning("api_key_check_failed", reason=error.reason, error=str(error))
            raise _check_error(error) from error


def _check_error(error: InfobipError) -> HearthError:
    return ApiKeyRefused() if isinstance(error, Refused) else passing_trouble(error)
