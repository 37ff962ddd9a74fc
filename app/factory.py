"""The only wiring: what lives as long as the process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from app.clock import Clock, SystemClock
from app.connections.authorisation import Authorisations
from app.connections.live import LiveTokens
from app.connections.tokens import UsableTokens
from app.connections.vault import Vault
from app.embed.sessions import SessionLimits, Sessions
from app.errors import ConfigurationError
from app.gateway.gateway import Gateway
from app.gateway.policy import Policy
from app.infobip.calls import Calls
from app.infobip.oauth import OAuth, OAuthApp
from app.infobip.transport import Transport
from app.models.identifiers import ReplicaId
from app.refresher.refresher import Refresher
from app.refresher.shares import Shares
from app.refresher.timings import check_timings
from app.security.sealing import SealingKeys, parse_key
from app.settings import Settings, problems
from app.store.database import Database

_REFRESHER_POOL = 5
"""The refresher's own connections: however busy the pages are, leases must be renewed. One
listens, the others hold leases, write behind, look again and load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What the routes and the command line work with."""

    settings: Settings
    database: Database
    authorisations: Authorisations
    sessions: Sessions
    tokens: UsableTokens
    gateway: Gateway
    live: LiveTokens
    refresher: Refresher


@asynccontextmanager
async def open_process(settings: Settings) -> AsyncIterator[Process]:
    """Everything, connected to each other; closed again at the end.

    `settings` must name a database. Raises ConfigurationError when they do not add up.
    """
    check_timings(settings.infobip.token_lifetime_seconds)
    policy = Policy.parse(settings.web.gateway_allow)
    vault = Vault(keys=_sealing_keys(settings))
    database = open_database(settings)
    refresher_database = open_database(settings, pool_size=_REFRESHER_POOL)
    async with Transport() as transport:
        try:
            yield _wire(
                settings=settings,
                clock=SystemClock(),
                policy=policy,
                vault=vault,
                database=database,
                refresher_database=refresher_database,
                transport=transport,
            )
        finally:
            await asyncio.gather(database.close(), refresher_database.close())


def problems_of(settings: Settings) -> list[str]:
    """All that keeps this configuration from serving, each a sentence with its remedy."""
    checks: list[Callable[[], object]] = [
        lambda: check_timings(settings.infobip.token_lifetime_seconds),
        lambda: Policy.parse(settings.web.gateway_allow),
    ]
    if settings.storage.database_url is not None:
        checks.append(lambda: open_database(settings))
    found = problems(settings)
    for check in checks:
        try:
            check()
        except ConfigurationError as error:
            found.append(error.detail)
    return found


def open_database(
    settings: Settings, *, pool_size: int | None = None, command_seconds: float | None = 10.0
) -> Database:
    """A pool for DATABASE_URL, which must be set. Nothing is connected yet."""
    if settings.storage.database_url is None:
        raise ConfigurationError("DATABASE_URL is not set.")
    return Database(
        url=settings.storage.database_url.get_secret_value(),
        pool_size=pool_size or settings.storage.database_pool_size,
        pooler=settings.storage.database_pooler,
        command_seconds=command_seconds,
    )


def _oauth_app(settings: Settings) -> OAuthApp:
    """Our app shell as the settings describe it. Raises ConfigurationError."""
    infobip = settings.infobip
    if infobip.client_id is None or infobip.client_secret is None:
        raise ConfigurationError("INFOBIP_CLIENT_ID and INFOBIP_CLIENT_SECRET must be set.")
    return OAuthApp(
        client_id=infobip.client_id,
        client_secret=infobip.client_secret.get_secret_value(),
        redirect_uri=settings.redirect_uri,
        scopes=infobip.scopes,
        oauth_url=infobip.oauth_url,
        token_lifetime_seconds=infobip.token_lifetime_seconds,
        refresh_fields=infobip.refresh_fields,
    )


def _wire(
    *,
    settings: Settings,
    clock: Clock,
    policy: Policy,
    vault: Vault,
    database: Database,
    refresher_database: Database,
    transport: Transport,
) -> Process:
    oauth = OAuth(app=_oauth_app(settings), transport=transport)
    live = LiveTokens()
    tokens = UsableTokens(live=live, database=database, vault=vault, clock=clock)
    return Process(
        settings=settings,
        database=database,
        authorisations=Authorisations(database=database, oauth=oauth, vault=vault, clock=clock),
        sessions=Sessions(database=database, limits=_session_limits(settings)),
        tokens=tokens,
        gateway=Gateway(
            policy=policy,
            api_url=settings.infobip.api_url,
            tokens=tokens,
            calls=Calls(transport=transport),
            timeout_seconds=settings.web.gateway_timeout_seconds,
        ),
        live=live,
        refresher=Refresher(
            database=refresher_database,
            oauth=oauth,
            vault=vault,
            live=live,
            shares=Shares(replica=ReplicaId(uuid4()), database=refresher_database, clock=clock),
            clock=clock,
            max_in_flight=settings.refresher.max_in_flight,
        ),
    )


def _sealing_keys(settings: Settings) -> SealingKeys:
    return SealingKeys(
        [parse_key(key.get_secret_value()) for key in settings.storage.encryption_keys]
    )


def _session_limits(settings: Settings) -> SessionLimits:
    return SessionLimits(
        idle_seconds=settings.web.session_idle_seconds,
        absolute_seconds=settings.web.session_absolute_seconds,
    )
