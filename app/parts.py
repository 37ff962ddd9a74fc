"""The parts of a process that follow from its settings alone, or nearly so."""

from app.admin.keys import AdminKeys
from app.clock import Clock
from app.connections.app_comparison import OurApp
from app.connections.renewal import Renewal
from app.connections.tokens import UsableTokens
from app.embed.sessions import SessionLimits
from app.embed.settings_schema import SettingsSchema
from app.errors import ConfigurationError
from app.events.deliveries import Deliveries
from app.events.receiver import Receiver
from app.gateway.gateway import Gateway
from app.gateway.policy import Policy
from app.gateway.slots import Slots
from app.infobip.calls import Calls
from app.infobip.http1_connection import Limits
from app.infobip.oauth import OAuthApp
from app.infobip.proxies import Proxies
from app.infobip.transport import Transport
from app.security.sealing import SealingKeys, parse_key
from app.security.webhooks import parse_signing_secret
from app.settings import Settings
from app.store.database import Database


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


def check_proxies() -> None:
    """HTTPS_PROXY of the environment. Raises ConfigurationError where it cannot be used."""
    try:
        Proxies()
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def admin_keys_of(settings: Settings) -> AdminKeys:
    """ADMIN_KEYS. Raises ConfigurationError for what is none."""
    return AdminKeys.parse(key.get_secret_value() for key in settings.web.admin_keys)


def sealing_keys_of(settings: Settings) -> SealingKeys:
    """ENCRYPTION_KEYS, newest first. Raises ConfigurationError without one."""
    return SealingKeys(
        [parse_key(key.get_secret_value()) for key in settings.storage.encryption_keys]
    )


def session_limits_of(settings: Settings) -> SessionLimits:
    """How long a session may live, and lie idle."""
    return SessionLimits(
        idle_seconds=settings.web.session_idle_seconds,
        absolute_seconds=settings.web.session_absolute_seconds,
    )


def settings_schema_of(settings: Settings) -> SettingsSchema | None:
    """SETTINGS_SCHEMA, where there is one. Raises ConfigurationError for what is none."""
    path = settings.pages.settings_schema
    return SettingsSchema.load(path) if path is not None else None


def oauth_app_of(settings: Settings) -> OAuthApp | None:
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


def wants_pkce(settings: Settings) -> bool:
    """Documented for public clients; on demand for all, where it binds a code to its flow."""
    return not settings.infobip.client_secrets or settings.infobip.pkce == "always"


def our_app_of(settings: Settings) -> OurApp:
    """What we hold the app shell against."""
    infobip = settings.infobip
    return OurApp(
        app_id=infobip.app_id,
        client_id=infobip.client_id,
        client_secrets=infobip.client_secrets,
        redirect_uri=settings.redirect_uri,
        signing_secrets=infobip.signing_secrets,
    )


def deliveries_of(
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


def gateway_of(
    settings: Settings,
    *,
    policy: Policy,
    tokens: UsableTokens,
    renewal: Renewal,
    transport: Transport,
    clock: Clock,
) -> Gateway:
    """With its rules, limits and places."""
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
