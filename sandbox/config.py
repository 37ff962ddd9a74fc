"""What a sandbox is started with, and the fixed credentials that it documents."""

from dataclasses import dataclass
from typing import Literal

from sandbox.directory import App, AppUrls

RefreshMode = Literal["rotate", "keep", "extend"]

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 9000
DEFAULT_APP_URL = "http://localhost:8000"

# The app that every sandbox knows. The shapes are those of Infobip's API authentication page:
# 32 hexadecimal characters, and a Base64 secret with characters that need proper form encoding.
CLIENT_ID = "5d41c9e07ab84f3c92e6d1a0b7f8354e"
CLIENT_SECRET = "q9Zt+0/Xw3Lr8sYhBv/71KdPfM+uEJ2aTnGcRiO5zHk="  # noqa: S105 - public on purpose
APP_ID = "6f1b7a52-0c3e-4d8a-9b1f-2e7c5a904d13"
SIGNING_SECRET = "Wm7/4yKp+Qe1ZsT9uGfLh3BxNcJ0dRvA8oViXkC2lE4="  # noqa: S105 - public on purpose

# The app without a secret that every sandbox knows as well: it proves itself by PKCE alone.
PUBLIC_CLIENT_ID = "38e02bcd5dec71b9e7f91c2f7a7d621d"
PUBLIC_APP_ID = "163c2a9e-c288-45b4-9366-c9447581cc98"
PUBLIC_SIGNING_SECRET = "2/Fqos5c9aMlW1hDbHyPty5sSJL+c+KqoZdc66UAoEE="  # noqa: S105 - public too

# One API key per account, in the shape ``<32 hex>-<uuid>``.
API_KEY_CYCLES = "3b9f20c6d17e4a58b0c4f1e2a7d69583-7f2c1e90-4b6a-4d3f-8e51-0a9c6b7d2e14"
API_KEY_CLINIC = "a04e7c1d95b24f6e8137d2c0f9b5a6e8-1c8d5f37-92ab-4e60-b7f4-5d3e2a1b0c96"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """How a sandbox begins; everything here but the URLs can be changed while it runs."""

    app_url: str = DEFAULT_APP_URL
    """Where browsers reach the app under test, without a slash at the end."""
    token_lifetime_seconds: float = 60
    code_lifetime_seconds: float = 60
    refresh_mode: RefreshMode = "rotate"
    apps: tuple[App, ...] = ()
    """Registered apps; empty means the confidential and the public default app at ``app_url``."""

    def registered_apps(self) -> tuple[App, ...]:
        """The apps to register at start."""
        return self.apps or (default_app(self.app_url), public_app(self.app_url))


def default_app(app_url: str) -> App:
    """The confidential app whose credentials are the constants of this module."""
    return App(
        app_id=APP_ID,
        name="Hearth",
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        signing_secret=SIGNING_SECRET,
        **default_urls(app_url),
    )


def public_app(app_url: str) -> App:
    """The public app: no client secret, so PKCE is all that it has."""
    return App(
        app_id=PUBLIC_APP_ID,
        name="Hearth without a secret",
        client_id=PUBLIC_CLIENT_ID,
        client_secret=None,
        signing_secret=PUBLIC_SIGNING_SECRET,
        **default_urls(app_url),
    )


def default_urls(app_url: str) -> AppUrls:
    """Where an app at ``app_url`` has its pages unless it says otherwise."""
    base = app_url.rstrip("/")
    return {
        "redirect_uri": f"{base}/oauth/callback",
        "card_url": f"{base}/context-card",
        "settings_url": f"{base}/settings",
    }
