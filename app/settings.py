"""Settings, read from the environment or `.env`, in small groups.

`.env.example` lists them all with their meaning; a test holds the two in step.
Loading checks each value by itself; `setting_problems` checks how they fit together.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.errors import ConfigurationError
from app.infobip.hosts import read_base_url
from app.setting_values import (
    ApiKey,
    AppId,
    BaseUrl,
    ClientId,
    FrontEnd,
    Keys,
    Listed,
    Networks,
    Origins,
    ReceiverUrl,
    RedirectUri,
    Scopes,
    Secrets,
    SigningSecrets,
    UrlPrefixes,
    split,
)


class _Group(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )


class WebSettings(_Group):
    """Where browsers reach us, who may frame us, how long a session lives."""

    public_url: BaseUrl = "http://localhost:8000"
    frame_ancestors: Origins = ()
    """Empty = the origin of INFOBIP_PORTAL_URL."""
    cors_origins: Origins = ()
    return_to_allow: UrlPrefixes = ()
    admin_keys: Secrets = ()
    """Each `name:secret` or `name:secret:scope+scope`."""
    trusted_proxies: Networks = ()
    """Whose X-Forwarded-For is believed. Empty = clients cannot be told apart."""
    flows_per_minute: int = Field(default=600, ge=1, le=1_000_000)
    """Of each client, where clients can be told apart."""
    session_idle_seconds: int = Field(default=3_600, ge=60)
    session_absolute_seconds: int = Field(default=43_200, ge=60)
    gateway_allow: Listed = ()
    gateway_timeout_seconds: float = Field(default=30, gt=0, le=300)
    """How long nothing may happen on the way."""
    gateway_longest_seconds: float = Field(default=900, gt=0, le=86_400)
    gateway_max_body_bytes: int = Field(default=10_000_000, ge=0)
    gateway_max_calls: int = Field(default=1_000, ge=1, le=100_000)
    gateway_max_calls_per_connection: int = Field(default=100, ge=1, le=10_000)


class PageSettings(_Group):
    """The embedded pages: where they come from, what they may keep, how they hear of changes."""

    context_card_ui: FrontEnd = None
    settings_ui: FrontEnd = None
    """A folder or a URL; unset = the built-in page."""
    settings_schema: Path | None = None
    settings_write_roles: Listed = ()
    """Names or ids of roles in Infobip; empty = everybody."""
    settings_max_bytes: int = Field(default=65_536, ge=2, le=1_000_000)
    event_streams_per_process: int = Field(default=2_000, ge=0, le=100_000)
    event_streams_per_session: int = Field(default=10, ge=1, le=1_000)


class StorageSettings(_Group):
    """The database, the data folder, the keys that seal what is stored, and for how long records
    are kept."""

    database_url: SecretStr | None = None
    database_pooler: Literal["none", "transaction"] = "none"
    database_pool_size: int = Field(default=10, ge=2, le=200)
    data_dir: Path = Path(".data")
    encryption_keys: Keys = ()
    audit_retention_days: int = Field(default=400, ge=30, le=36_500)
    """At least what the database itself insists on."""


class InfobipSettings(_Group):
    """Our app shell in Infobip and Infobip's addresses."""

    model_config = SettingsConfigDict(env_prefix="INFOBIP_")

    client_id: ClientId | None = None
    client_secret: SecretStr | None = None
    """One, or several separated by commas; see `client_secrets`."""
    redirect_uri: RedirectUri | None = None
    """Unset = PUBLIC_URL + /oauth/callback."""
    scopes: Scopes = ()
    refresh_fields: Literal["client", "minimal"] = "client"
    pkce: Literal["auto", "always"] = "auto"
    """`auto` = where there is no client secret."""
    pkce_method: bool = False
    """Whether Authorize is told `code_challenge_method=S256`, which is not documented."""
    api_key: ApiKey | None = None
    app_id: AppId | None = None
    signing_secret: SecretStr | None = None
    """The same; see `signing_secrets`."""
    oauth_url: BaseUrl = "https://oneapi.infobip.com/exchange/1/oauth"
    api_url: BaseUrl = "https://api.infobip.com"
    api_hosts: Listed = ()
    portal_url: BaseUrl = "https://portal.infobip.com"
    token_lifetime_seconds: float = Field(default=60, gt=0, le=86_400)

    @property
    def client_secrets(self) -> tuple[str, ...]:
        """The old and the new one while it is changed; none of a public client."""
        return _secrets(self.client_secret)

    @property
    def signing_secrets(self) -> tuple[str, ...]:
        """The old and the new one while it is changed; none where it is not used."""
        return _secrets(self.signing_secret)


def _secrets(value: SecretStr | None) -> tuple[str, ...]:
    return tuple(split(value.get_secret_value())) if value is not None else ()


class RefresherSettings(_Group):
    """How the refresher takes its share of the connections."""

    model_config = SettingsConfigDict(env_prefix="REFRESHER_")

    max_in_flight: int = Field(default=500, ge=1, le=10_000)
    rate_per_second: float | None = Field(default=None, gt=0, le=1_000_000)
    """Renewals per second of the whole deployment, failed attempts included. Unset = no limit."""


class MetricsSettings(_Group):
    """Where GET /metrics is answered without an admin key, if anywhere."""

    model_config = SettingsConfigDict(env_prefix="METRICS_")

    host: str = "127.0.0.1"
    port: int | None = Field(default=None, ge=1, le=65_535)


class EventsSettings(_Group):
    """Webhooks: where events are sent, if anywhere, and how they are signed."""

    model_config = SettingsConfigDict(env_prefix="EVENTS_")

    url: ReceiverUrl | None = None
    secret: SigningSecrets = ()
    """Events are signed with each, so that the receiver can be moved from one to another."""
    timeout_seconds: float = Field(default=10, ge=1, le=60)
    retention_days: int = Field(default=30, ge=2, le=3_650)
    """Longer than the day for which a delivery is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a process."""

    web: WebSettings
    pages: PageSettings
    storage: StorageSettings
    infobip: InfobipSettings
    refresher: RefresherSettings
    metrics: MetricsSettings
    events: EventsSettings

    @classmethod
    def load(cls) -> Self:
        """Read the environment and `.env`.

        Raises ConfigurationError that names each wrong setting and never shows its value.
        """
        settings, complaints = cls.load_what_is_right()
        if complaints:
            raise ConfigurationError("\n".join(complaints))
        return settings

    @classmethod
    def load_what_is_right(cls) -> tuple[Self, list[str]]:
        """The settings, with defaults in the place of what is wrong; and what that is."""
        complaints: list[str] = []
        groups: dict[str, Any] = {}
        for name, group in _GROUPS.items():
            groups[name], wrong = _load(group)
            complaints += wrong
        return cls(**groups), complaints

    @property
    def redirect_uri(self) -> str:
        """The one redirect URI of all flows, as registered in the app shell."""
        return self.infobip.redirect_uri or f"{self.web.public_url}/oauth/callback"

    @property
    def frame_ancestors(self) -> tuple[str, ...]:
        """The origins that may frame the embedded pages."""
        return self.web.frame_ancestors or (origin_of(self.infobip.portal_url),)


_GROUPS: dict[str, type[_Group]] = {
    "web": WebSettings,
    "pages": PageSettings,
    "storage": StorageSettings,
    "infobip": InfobipSettings,
    "refresher": RefresherSettings,
    "metrics": MetricsSettings,
    "events": EventsSettings,
}


def variable_names() -> set[str]:
    """The names of all settings, as they stand in the environment."""
    return {
        f"{group.model_config.get('env_prefix', '')}{field}".upper()
        for group in _GROUPS.values()
        for field in group.model_fields
    }


@cache
def origin_of(url: str) -> str:
    """Scheme, host and port of a base URL, as browsers write an origin. Raises ValueError."""
    parts = read_base_url(url)
    if parts is None:
        raise ValueError("not a base URL")
    return parts.origin


def _load(group: type[_Group]) -> tuple[_Group, list[str]]:
    try:
        return group(), []
    except ValidationError as error:
        wrong = {str(item["loc"][0]) for item in error.errors(include_input=False) if item["loc"]}
        fields = {name: group.model_fields[name].default for name in wrong}
        return group(**fields), _sentences(group, error)


def _sentences(group: type[_Group], error: ValidationError) -> list[str]:
    prefix = group.model_config.get("env_prefix", "")
    return [
        f"{prefix}{str(item['loc'][0]) if item['loc'] else ''}".upper()
        + f": {item['msg'].removeprefix('Value error, ')}."
        for item in error.errors(include_input=False, include_url=False)
    ]
