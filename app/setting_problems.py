"""How settings fit together, and which of them would be unsafe: a sentence each."""

from collections.abc import Iterator
from pathlib import Path

from app.infobip.hosts import allowed_api_url, read_base_url
from app.security.sealing import parse_key
from app.settings import EventsSettings, InfobipSettings, Settings, StorageSettings

_LOOPBACK_HOSTS = {"localhost", "127.0.0.1", "[::1]"}
_LEAST_DIFFERENT_BYTES = 12
"""Of 32 random bytes, hardly ever fewer than 24 differ."""


def problems(settings: Settings) -> list[str]:
    """What keeps this configuration from serving, each a sentence with its remedy."""
    found = _app_problems(settings.infobip) + _events_problems(settings.events)
    found += _key_problems(settings.storage) + _front_end_problems(settings)
    if not settings.storage.encryption_keys and settings.storage.database_url is not None:
        found.append(
            "ENCRYPTION_KEYS is not set: make a key with `python -m app generate-key` and keep "
            "it as safe as the database's backups are not."
        )
    if not allowed_api_url(settings.infobip.api_url, settings.infobip.api_hosts):
        found.append(
            "INFOBIP_API_URL is not one of Infobip's API hosts: use https://api.infobip.com, your "
            "https://<personal>.api.infobip.com, or list the host in INFOBIP_API_HOSTS."
        )
    for name, url in _travelled(settings):
        if _is_open_to_listeners(url):
            found.append(f"{name} must be https: cookies, codes and tokens travel on nothing less.")
    for name, urls in _trusted(settings).items():
        if any(_is_open_to_listeners(url) for url in urls):
            found.append(
                f"{name} must be https throughout: who is on the way could put pages of their own "
                "in the place of those that are trusted here."
            )
    return found


def _key_problems(storage: StorageSettings) -> list[str]:
    """Sealing is as good as its keys; what somebody typed is none."""
    keys = [parse_key(key.get_secret_value()) for key in storage.encryption_keys]
    found = []
    if len(set(keys)) < len(keys):
        found.append("ENCRYPTION_KEYS lists a key twice: take one of them out.")
    if any(len(set(key)) < _LEAST_DIFFERENT_BYTES for key in keys):
        found.append(
            "ENCRYPTION_KEYS has a key that is not random: make one with "
            "`python -m app generate-key`, put it first, and run `python -m app reseal`."
        )
    return found


def _front_end_problems(settings: Settings) -> list[str]:
    found = []
    front_ends = {
        "CONTEXT_CARD_UI": settings.pages.context_card_ui,
        "SETTINGS_UI": settings.pages.settings_ui,
    }
    for name, where in front_ends.items():
        if isinstance(where, Path) and not (where / "index.html").is_file():
            found.append(
                f"{name} is not a folder with an index.html ({where.resolve()}): name a built "
                "front end's."
            )
        if isinstance(where, str) and _origin(where) not in settings.web.cors_origins:
            found.append(f"{name} is on an origin that CORS_ORIGINS does not list: add it there.")
    return found


def _origin(url: str) -> str | None:
    parts = read_base_url(url.partition("?")[0])
    return parts.origin if parts else None


def _app_problems(infobip: InfobipSettings) -> list[str]:
    """A private app may do with an API key; every other one needs its app shell's OAuth."""
    if infobip.api_key is not None and not infobip.client_id and not infobip.client_secrets:
        return []
    found = []
    if not infobip.client_id:
        found.append(
            "INFOBIP_CLIENT_ID is not set: copy the client ID from your app shell; a private app "
            "without embedded pages can set INFOBIP_API_KEY instead."
        )
    if not infobip.scopes:
        found.append("INFOBIP_SCOPES is empty: name the scopes of your app shell, e.g. api_read.")
    return found


def _events_problems(events: EventsSettings) -> list[str]:
    if events.url is None:
        return []
    found = []
    if not events.secret:
        found.append(
            "EVENTS_SECRET is not set: make one with `python -m app generate-events-secret` and "
            "give it to the receiver at EVENTS_URL, which cannot tell our events from others' "
            "without it."
        )
    if _is_open_to_listeners(events.url):
        found.append("EVENTS_URL must be https, unless the receiver is on this machine.")
    return found


def _travelled(settings: Settings) -> Iterator[tuple[str, str]]:
    """Where secrets are sent to, or brought to us."""
    yield "PUBLIC_URL", settings.web.public_url
    yield "INFOBIP_REDIRECT_URI", settings.infobip.redirect_uri or ""
    yield "INFOBIP_OAUTH_URL", settings.infobip.oauth_url
    yield "INFOBIP_PORTAL_URL", settings.infobip.portal_url


def _trusted(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Who may frame us, call us, and get our people back."""
    web = settings.web
    return {
        "FRAME_ANCESTORS": web.frame_ancestors,
        "CORS_ORIGINS": web.cors_origins,
        "RETURN_TO_ALLOW": web.return_to_allow,
    }


def _is_open_to_listeners(url: str) -> bool:
    parts = read_base_url(url.partition("?")[0])
    return parts is not None and parts.scheme != "https" and parts.host not in _LOOPBACK_HOSTS
