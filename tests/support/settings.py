"""Settings for tests, independent of the environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from app.security.sealing import generate_key
from app.settings import (
    EventsSettings,
    InfobipSettings,
    MetricsSettings,
    PageSettings,
    RefresherSettings,
    Settings,
    StorageSettings,
    WebSettings,
)
from sandbox.config import CLIENT_ID, CLIENT_SECRET

ENCRYPTION_KEY = generate_key()
GATEWAY_ALLOW = (
    "POST /sms/2/text/advanced",
    "POST /sms/3/messages",
    "GET /account/1/balance",
    "GET /ccaas/1/conversations/*",
    "GET /ccaas/1/conversations/*/messages",
    "POST /ccaas/1/conversations/*/messages",
    "GET /people/2/**",
)


def make_settings(
    *,
    database_url: str,
    sandbox_url: str,
    public_url: str,
    web: Mapping[str, Any] = {},
    pages: Mapping[str, Any] = {},
    storage: Mapping[str, Any] = {},
    infobip: Mapping[str, Any] = {},
    events: Mapping[str, Any] = {},
) -> Settings:
    """Settings for a Hearth at `public_url` that works with a sandbox."""
    return Settings(
        web=WebSettings(
            _env_file=None, **{"public_url": public_url, "gateway_allow": GATEWAY_ALLOW, **web}
        ),
        pages=PageSettings(_env_file=None, **pages),
        storage=StorageSettings(
            _env_file=None,
            **{
                "database_url": SecretStr(database_url),
                "data_dir": Path("unused"),
                "encryption_keys": (SecretStr(ENCRYPTION_KEY),),
                **storage,
            },
        ),
        infobip=InfobipSettings(
            _env_file=None,
            **{
                "client_id": CLIENT_ID,
                "client_secret": SecretStr(CLIENT_SECRET),
                "scopes": ("api_read",),
                "oauth_url": f"{sandbox_url}/exchange/1/oauth",
                "api_url": sandbox_url,
                "api_hosts": (sandbox_url.partition("://")[2],),
                "portal_url": sandbox_url,
                **infobip,
            },
        ),
        refresher=RefresherSettings(_env_file=None),
        metrics=MetricsSettings(_env_file=None),
        events=EventsSettings(_env_file=None, **events),
    )


def as_environment(settings: Settings) -> dict[str, str]:
    """The same settings for a process of its own."""
    infobip, storage, web = settings.infobip, settings.storage, settings.web
    assert storage.database_url is not None
    assert infobip.client_secret is not None
    return {
        "PUBLIC_URL": web.public_url,
        "GATEWAY_ALLOW": ",".join(web.gateway_allow),
        "DATABASE_URL": storage.database_url.get_secret_value(),
        "ENCRYPTION_KEYS": ENCRYPTION_KEY,
        "INFOBIP_CLIENT_ID": infobip.client_id or "",
        "INFOBIP_CLIENT_SECRET": infobip.client_secret.get_secret_value(),
        "INFOBIP_SCOPES": " ".join(infobip.scopes),
        "INFOBIP_OAUTH_URL": infobip.oauth_url,
        "INFOBIP_API_URL": infobip.api_url,
        "INFOBIP_API_HOSTS": ",".join(infobip.api_hosts),
        "INFOBIP_PORTAL_URL": infobip.portal_url,
        "INFOBIP_TOKEN_LIFETIME_SECONDS": str(infobip.token_lifetime_seconds),
    }
