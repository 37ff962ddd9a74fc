"""The only wiring: what lives as long as the process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from opentelemetry.trace import TracerProvider
from prometheus_client import CollectorRegistry

from app.admin.events import Events
from app.admin.keys import AdminKeys
from app.admin.overview import Overview
from app.admin.record import Record
from app.admin.refusals import Refusals
from app.clock import Clock, SystemClock
from app.connections.api_keys import ApiKeys
from app.connections.app_check import AppCheck
from app.connections.app_comparison import OurApp
from app.connections.authorisation import Authorisations
from app.connections.beginnings import Beginnings
from app.connections.edits import ConnectionEdits
from app.connections.handouts import Handouts
from app.connections.links import ActivationLinks
from app.connections.live import LiveTokens
from app.connections.receipts import Receipts
from app.connections.renewal import Renewal
from app.connections.resealing import Progress, Resealing
from app.connections.tokens import UsableTokens
from app.connections.usage import Usage
from app.connections.vault import Vault
from app.embed.account_settings import AccountSettings
from app.embed.memory import RememberedSessions
from app.embed.news import PageNews
from app.embed.sessions import SessionLimits, Sessions
from app.embed.settings_schema import SettingsSchema
from app.embed.streams import Streams
from app.errors import ConfigurationError
from app.events.deliveries import Deliveries
from app.events.receiver import Receiver
from app.gateway.gateway import Gateway
from app.gateway.policy import Policy
from app.gateway.slots import Slots
from app.history import History
from app.infobip.app_credentials import Portal
from app.infobip.calls import Calls
from app.infobip.http1_connection import Limits
from app.infobip.oauth import OAuth, OAuthApp
from app.infobip.transport import Transport
from app.metrics import process_metrics
from app.models.identifiers import ConnectionId, ReplicaId
from app.refresher.refresher import Refresher
from app.refresher.timings import check_timings
from app.security.sealing import SealingKeys, parse_key
from app.security.webhooks import parse_signing_secret
from app.setting_problems import problems
from app.settings import Settings
from app.store.database import Database
from app.tracing.calls import TracedTransport

_REFRESHER_POOL = 5
"""The refresher's own connections: however busy the pages are, leases must be renewed. One
listens, the others hold leases, write behind, look again and load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What the routes and the command line work with.

    Without an app shell in the settings there is no OAuth, and nothing of what needs it.
    """

    settings: Settings
    clock: Clock
    admin_keys: AdminKeys
    database: Database
    overview: Overview
    history: History
    api_keys: ApiKeys
    edits: ConnectionEdits
    handouts: Handouts
    authorisations: Authorisations | None
    beginnings: Beginnings
    links: ActivationLinks | None
    receipts: Receipts
    sessions: Sessions
    account_settings: AccountSettings
    news: PageNews
    tokens: UsableTokens
    app_check: AppCheck
    gateway: Gateway
    live: LiveTokens
    refresher: Refresher | None
    renewal: Renewal
    usage: Usage
    remembered: RememberedSessions
    record: Record
    refusals: Refusals
    events: Events
    deliveries: Deliveries | None
    metrics: CollectorRegistry

    def forget(self, connection_id: ConnectionId) -> None:
        """Serve nothing of it from memory any more. Other processes hear of it from the database,
        which may be gone the moment after."""
        self.live.discard(connection_id)
        self.sessions.connection_ended(connection_id)


@asynccontextmanager
async def open_process(
    settings: Settings, *, tracing: TracerProvider | None = None
) -> AsyncIterator[Process]:
    """Everything, connected to each other; closed again at the end.

    `settings` must name a database. `tracing` makes a span of each call to Infobip.
    Raises ConfigurationError when they do not add up.
    """
    check_timings(settings.infobip.token_lifetime_seconds)
    policy = Policy.parse(settings.web.gateway_allow)
    admin_keys = _admin_keys(settings)
    keys = _sealing_keys(settings)
    database = open_database(settings, refuse_while_away=True)
    refresher_database = open_database(settings, pool_size=_REFRESHER_POOL)
    async with TracedTransport(tracing) if tracing else Transport() as transport:
        try:
            yield _wire(
                settings=settings,
                clock=SystemClock(),
                policy=policy,
                admin_keys=admin_keys,
                keys=keys,
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
        lambda: _admin_keys(settings),
        lambda: _settings_schema(settings),
    ]
    if settings.storage.database_url is not None:
        checks.append(lambda: open_database(settings))
    found = problems(settings)
    for check in checks:
        try:
            check()
        except ConfigurationError as error:
            found += error.detail.splitlines()
    return found


def open_database(
    settings: Settings,
    *,
    pool_size: int | None = None,
    command_seconds: float | None = 10.0,
    refuse_while_away: bool = False,
) -> Database:
    """A pool for DATABASE_URL, which must be set. Nothing is connected yet."""
    if settings.storage.database_url is None:
        raise ConfigurationError("DATABASE_URL is not set.")
    return Database(
        url=settings.storage.database_url.get_secret_value(),
        pool_size=pool_size or settings.storage.database_pool_size,
        pooler=settings.storage.database_pooler,
        command_seconds=command_seconds,
        refuse_while_away=refuse_while_away,
    )


@asynccontextmanager
async def open_resealing(
    settings: Settings, on_progress: Callable[[Progress], None]
) -> AsyncIterator[Resealing]:
    """What `reseal` needs, and nothing of Infobip's. Raises ConfigurationError without a key."""
    vault = Vault(keys=_sealing_keys(settings))
    database = open_database(settings, command_seconds=60.0)
    try:
        yield Resealing(database=database, vault=vault, on_progress=on_progress)
    finally:
        await database.close()


def _oauth_app(settings: Settings) -> OAuthApp | None:
    """Our app shell as the settings describe it; a private app with an API key has none."""
    infobip = settings.infobip
    if infobip.client_id is None:
        return None
    return OAuthApp(
        client_id=infobip.client_id,
        client_secrets=infobip.client_secrets,
        redirect_uri=settings.redirect_uri,
        scopes=infobip.scopes,
        oauth_url=infobip.oauth_url,
        token_lifetime_seconds=infobip.token_lifetime_seconds,
        refresh_fields=infobip.refresh_fields,
        challenge_method=infobip.pkce_method,
    )


def _our_app(settings: Settings) -> OurApp:
    infobip = settings.infobip
    return OurApp(
        app_id=infobip.app_id,
        client_id=infobip.client_id,
        client_secrets=infobip.client_secrets,
        redirect_uri=settings.redirect_uri,
        signing_secrets=infobip.signing_secrets,
    )


def _deliveries(
    settings: Settings, *, database: Database, transport: Transport, clock: Clock
) -> Deliveries | None:
    """Where EVENTS_URL is set."""
    events = settings.events
    if events.url is None:
        return None
    receiver = Receiver(
        url=events.url,
        keys=[parse_signing_secret(secret.get_secret_value()) for secret in events.secret],
        reconnect_url=f"{settings.web.public_url}/connect",
        timeout_seconds=events.timeout_seconds,
        transport=transport,
        clock=clock,
    )
    return Deliveries(database=database, receiver=receiver, clock=clock)


def _wants_pkce(settings: Settings) -> bool:
    """Documented for public clients; on demand for all, where it binds a code to its flow."""
    return not settings.infobip.client_secrets or settings.infobip.pkce == "always"


def _wire(
    *,
    settings: Settings,
    clock: Clock,
    policy: Policy,
    admin_keys: AdminKeys,
    keys: SealingKeys,
    database: Database,
    refresher_database: Database,
    transport: Transport,
) -> Process:
    app = _oauth_app(settings)
    oauth = OAuth(app=app, transport=transport) if app else None
    vault = Vault(keys=keys)
    live = LiveTokens()
    usage = Usage(database=database, clock=clock)
    tokens = UsableTokens(live=live, database=database, vault=vault, clock=clock, usage=usage)
    remembered = RememberedSessions(clock=clock, idle_seconds=settings.web.session_idle_seconds)
    authorisations = None
    refresher = None
    if oauth is not None:
        authorisations = Authorisations(
            database=database, oauth=oauth, vault=vault, clock=clock, pkce=_wants_pkce(settings)
        )
        refresher = Refresher(
            replica=ReplicaId(uuid4()),
            database=refresher_database,
            oauth=oauth,
            vault=vault,
            live=live,
            clock=clock,
            life_seconds=settings.infobip.token_lifetime_seconds,
            max_in_flight=settings.refresher.max_in_flight,
            rate_per_second=settings.refresher.rate_per_second,
        )
    deliveries = _deliveries(settings, database=database, transport=transport, clock=clock)
    renewal = Renewal(
        live=live,
        database=database,
        renewer=refresher,
        within_seconds=settings.web.gateway_timeout_seconds,
    )
    overview = Overview(database=database)
    return Process(
        settings=settings,
        clock=clock,
        admin_keys=admin_keys,
        database=database,
        overview=overview,
        history=History(overview=overview, refresher=refresher, clock=clock),
        api_keys=ApiKeys(
            database=database,
            vault=vault,
            transport=transport,
            api_url=settings.infobip.api_url,
            api_hosts=settings.infobip.api_hosts,
        ),
        edits=ConnectionEdits(database=database, api_hosts=settings.infobip.api_hosts),
        handouts=Handouts(tokens=tokens, database=database, clock=clock),
        authorisations=authorisations,
        beginnings=Beginnings(clock=clock, per_minute=settings.web.flows_per_minute),
        links=(
            ActivationLinks(database=database, authorisations=authorisations)
            if authorisations
            else None
        ),
        receipts=Receipts(keys=keys),
        sessions=Sessions(
            database=database, limits=_session_limits(settings), remembered=remembered, clock=clock
        ),
        account_settings=AccountSettings(
            database=database,
            schema=_settings_schema(settings),
            write_roles=settings.pages.settings_write_roles,
            max_bytes=settings.pages.settings_max_bytes,
        ),
        news=PageNews(
            database=database,
            remembered=remembered,
            streams=Streams(
                clock=clock,
                at_most=settings.pages.event_streams_per_process,
                at_most_of_session=settings.pages.event_streams_per_session,
            ),
            clock=clock,
        ),
        tokens=tokens,
        app_check=AppCheck(
            ours=_our_app(settings),
            portal=Portal(url=settings.infobip.portal_url, transport=transport),
            database=database,
            tokens=tokens,
        ),
        gateway=_gateway(
            settings,
            policy=policy,
            tokens=tokens,
            renewal=renewal,
            transport=transport,
            clock=clock,
        ),
        live=live,
        refresher=refresher,
        renewal=renewal,
        usage=usage,
        remembered=remembered,
        record=Record(database=database),
        refusals=Refusals(database=database, clock=clock),
        events=Events(database=database, are_delivered=deliveries is not None),
        deliveries=deliveries,
        metrics=process_metrics(
            refresher=refresher,
            life_seconds=settings.infobip.token_lifetime_seconds,
            deliveries=deliveries.stats if deliveries else None,
        ),
    )


def _admin_keys(settings: Settings) -> AdminKeys:
    return AdminKeys.parse(key.get_secret_value() for key in settings.web.admin_keys)


def _gateway(
    settings: Settings,
    *,
    policy: Policy,
    tokens: UsableTokens,
    renewal: Renewal,
    transport: Transport,
    clock: Clock,
) -> Gateway:
    web = settings.web
    return Gateway(
        policy=policy,
        api_url=settings.infobip.api_url,
        api_hosts=settings.infobip.api_hosts,
        tokens=tokens,
        renewal=renewal,
        calls=Calls(transport=transport),
        limits=Limits(
            silence_seconds=web.gateway_timeout_seconds, longest_seconds=web.gateway_longest_seconds
        ),
        slots=Slots(
            at_most=web.gateway_max_calls,
            at_most_of_connection=web.gateway_max_calls_per_connection,
        ),
        clock=clock,
    )


def _settings_schema(settings: Settings) -> SettingsSchema | None:
    path = settings.pages.settings_schema
    return SettingsSchema.load(path) if path is not None else None


def _sealing_keys(settings: Settings) -> SealingKeys:
    return SealingKeys(
        [parse_key(key.get_secret_value()) for key in settings.storage.encryption_keys]
    )


def _session_limits(settings: Settings) -> SessionLimits:
    return SessionLimits(
        idle_seconds=settings.web.session_idle_seconds,
        absolute_seconds=settings.web.session_absolute_seconds,
    )
