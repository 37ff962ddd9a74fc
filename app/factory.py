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
from app.embed.sessions import Sessions
from app.embed.streams import Streams
from app.errors import ConfigurationError
from app.events.deliveries import Deliveries
from app.gateway.gateway import Gateway
from app.gateway.policy import Policy
from app.history import History
from app.infobip.app_credentials import Portal
from app.infobip.oauth import OAuth
from app.infobip.transport import Transport
from app.metrics import process_metrics
from app.models.identifiers import ConnectionId, ReplicaId
from app.parts import (
    admin_keys_of,
    check_proxies,
    deliveries_of,
    gateway_of,
    oauth_app_of,
    open_database,
    our_app_of,
    sealing_keys_of,
    session_limits_of,
    settings_schema_of,
    wants_pkce,
)
from app.refresher.refresher import Refresher
from app.refresher.timings import check_timings
from app.security.sealing import SealingKeys
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
    check_proxies()
    policy = Policy.parse(settings.web.gateway_allow)
    admin_keys = admin_keys_of(settings)
    keys = sealing_keys_of(settings)
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
        check_proxies,
        lambda: Policy.parse(settings.web.gateway_allow),
        lambda: admin_keys_of(settings),
        lambda: settings_schema_of(settings),
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


@asynccontextmanager
async def open_resealing(
    settings: Settings, on_progress: Callable[[Progress], None]
) -> AsyncIterator[Resealing]:
    """What `reseal` needs, and nothing of Infobip's. Raises ConfigurationError without a key."""
    vault = Vault(keys=sealing_keys_of(settings))
    database = open_database(settings, command_seconds=60.0)
    try:
        yield Resealing(database=database, vault=vault, on_progress=on_progress)
    finally:
        await database.close()


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
    app = oauth_app_of(settings)
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
            database=database, oauth=oauth, vault=vault, clock=clock, pkce=wants_pkce(settings)
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
    deliveries = deliveries_of(settings, database=database, transport=transport, clock=clock)
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
            database=database,
            limits=session_limits_of(settings),
            remembered=remembered,
            clock=clock,
        ),
        account_settings=AccountSettings(
            database=database,
            schema=settings_schema_of(settings),
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
            ours=our_app_of(settings),
            portal=Portal(url=settings.infobip.portal_url, transport=transport),
            database=database,
            tokens=tokens,
        ),
        gateway=gateway_of(
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
