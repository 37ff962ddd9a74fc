"""Beginning and completing an authorisation: from Infobip's `state` to a stored token.

What binds the two halves is a secret that the browser keeps in a cookie of its own for each
load. The callback is good only together with it, and only once. So two loads with the same
`state` at the same time are two flows, and both work.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import structlog

from app.clock import Clock
from app.connections.vault import Vault
from app.errors import (
    AccessDeclined,
    AuthorizeFailed,
    ClientNotAccepted,
    CodeRefused,
    FlowUnknown,
    HearthError,
    InfobipThrottled,
    InfobipTimeout,
    InfobipUnreachable,
    WrongBrowser,
)
from app.infobip.answers import Identity, Token
from app.infobip.errors import ClientRefused, GrantRefused, InfobipError, Throttled, TimedOut
from app.infobip.oauth import OAuth
from app.models.connection import Group, Profile, Role
from app.models.flow import Flow
from app.models.identifiers import ConnectionId
from app.security.secrets import random_token, token_hash
from app.store.connections import ConnectionStore
from app.store.database import Database
from app.store.flows import FlowStore
from app.store.tokens import TokenStore

log = structlog.get_logger(__name__)

FLOW_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and the secret that it has to bring back."""

    authorize_url: str = field(repr=False)
    browser_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Completed:
    """Who was proven to sit at this browser, and what the load was for."""

    connection_id: ConnectionId
    flow: Flow
    browser_secret: str = field(repr=False)


class Authorisations:
    """The flows of one app."""

    def __init__(self, *, database: Database, oauth: OAuth, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._oauth = oauth
        self._vault = vault
        self._clock = clock

    async def begin(self, flow: Flow, *, state: str | None) -> Begun:
        """Remember the load; `state` is Infobip's, or None when it sent none."""
        state = state or random_token("")
        browser_secret = random_token("")
        async with self._database.transaction() as tx:
            await FlowStore(tx).add(
                flow,
                state_hash=token_hash(state),
                browser_hash=token_hash(browser_secret),
                life_seconds=FLOW_SECONDS,
            )
        return Begun(self._oauth.authorize_url(state=state), browser_secret)

    async def complete(self, *, state: str, code: str, browser_secrets: Sequence[str]) -> Completed:
        """Prove the browser, take the flow, trade the code, store the connection; in this order.

        `browser_secrets` is what the browser brought: one for each load under way.
        Raises FlowUnknown, WrongBrowser, CodeRefused, ClientNotAccepted, InfobipUnreachable,
        InfobipTimeout, InfobipThrottled or DatabaseUnavailable; a flow that was taken stays
        taken, and nothing else is stored.
        """
        flow, browser_secret = await self._take(state, browser_secrets)
        sent = self._clock.monotonic()
        try:
            token, identity = await self._oauth.exchange(code)
        except InfobipError as error:
            log.warning("code_exchange_failed", reason=error.reason, error=str(error))
            raise _exchange_error(error) from error
        connection_id = await self._store(token, identity, sent=sent)
        return Completed(connection_id, flow, browser_secret)

    async def fail(self, *, state: str, error: str, browser_secrets: Sequence[str]) -> HearthError:
        """Take the flow that Authorize sent back with an error; what to tell the person."""
        await self._take(state, browser_secrets)
        return AccessDeclined() if error == "access_denied" else AuthorizeFailed()

    async def _take(self, state: str, browser_secrets: Sequence[str]) -> tuple[Flow, str]:
        state_hash = token_hash(state)
        secrets = {token_hash(secret): secret for secret in browser_secrets}
        async with self._database.transaction() as tx:
            store = FlowStore(tx)
            taken = await store.consume(state_hash=state_hash, browser_hashes=list(secrets))
            foreign = taken is None and await store.is_pending_elsewhere(
                state_hash=state_hash, browser_hashes=list(secrets)
            )
        if taken is None:
            raise WrongBrowser if foreign else FlowUnknown
        return taken.flow, secrets[taken.browser_hash]

    async def _store(self, token: Token, identity: Identity, *, sent: float) -> ConnectionId:
        async with self._database.transaction() as tx:
            connections = ConnectionStore(tx)
            connection_id = await connections.connect(ConnectionId(uuid4()), _profile(identity))
            age = self._clock.monotonic() - sent
            await TokenStore(tx).begin_grant(
                connection_id,
                self._vault.seal(connection_id, token.authorization),
                age=age,
                left=token.life_seconds - age,
            )
            await connections.tell(connection_id)
        log.info("connected", connection_id=str(connection_id))
        return connection_id


def _profile(identity: Identity) -> Profile:
    return Profile(
        account_key=identity.account_key,
        user_key=identity.user_key,
        username=identity.username,
        email=identity.email,
        locale=identity.locale,
        roles=tuple(Role(item.id, item.name) for item in identity.roles),
        groups=tuple(Group(item.id, item.name) for item in identity.groups),
    )


def _exchange_error(error: InfobipError) -> HearthError:
    match error:
        case GrantRefused():
            return CodeRefused()
        case ClientRefused():
            return ClientNotAccepted()
        case Throttled():
            return InfobipThrottled(retry_after_seconds=int(error.retry_after_seconds or 1))
        case TimedOut():
            return InfobipTimeout()
        case _:
            return InfobipUnreachable()
