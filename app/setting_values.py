"""What a single setting may look like: types that read it and say what is wrong with it."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from app.infobip.hosts import read_base_url
from app.security.sealing import parse_key
from app.security.webhooks import parse_signing_secret

_QUERY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*", re.ASCII)


def _without_trailing_slash(value: str) -> str:
    if read_base_url(value) is None:
        raise ValueError("must be an absolute http or https URL without user, query and fragment")
    return value.rstrip("/")


def _client_id(value: str) -> str:
    if not re.fullmatch(r"[0-9A-Fa-f]{32}", value):
        raise ValueError("must be the 32 hexadecimal digits that the app shell shows")
    return value


def _absolute(value: str) -> str:
    base, _, query = value.partition("?")
    if read_base_url(base) is None or not _QUERY.fullmatch(query):
        raise ValueError("must be an absolute http or https URL without user and fragment")
    return value


def split(value: Any) -> Any:
    """The parts of what is separated by commas or lines."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.replace("\n", ",").split(",") if part.strip())
    return value


def _split_spaces(value: Any) -> Any:
    return tuple(value.split()) if isinstance(value, str) else value


def _keys(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for key in value:
        parse_key(key.get_secret_value())
    return value


def _origin_only(value: tuple[str, ...]) -> tuple[str, ...]:
    for item in value:
        parts = read_base_url(item)
        if parts is None or parts.origin != item:
            raise ValueError("each entry must be an origin such as https://portal.infobip.com")
    return value


def _url_prefixes(value: tuple[str, ...]) -> tuple[str, ...]:
    for item in value:
        if read_base_url(item) is None:
            raise ValueError(
                "each entry must be an absolute URL such as https://app.example/after/"
            )
    return value


def _api_key(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[\x21-\x7e]{1,512}", value.get_secret_value(), re.ASCII):
        raise ValueError("must be the API key alone, without the word App and without blanks")
    return value


def _app_id(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value, re.ASCII):
        raise ValueError("must be the app's id as the app shell's address shows it")
    return value


def _signing_secrets(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for secret in value:
        parse_signing_secret(secret.get_secret_value())
    return value


def _front_end(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return _absolute(value) if "://" in value else Path(value)


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for item in value:
        try:
            ip_network(item)
        except ValueError as error:
            raise ValueError(
                "each entry must be an address or a network such as 10.0.0.0/8"
            ) from error
    return value


BaseUrl = Annotated[str, AfterValidator(_without_trailing_slash)]
ClientId = Annotated[str, AfterValidator(_client_id)]
RedirectUri = Annotated[str, AfterValidator(_absolute)]
ReceiverUrl = Annotated[str, AfterValidator(_absolute)]
Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split)]
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split), AfterValidator(_origin_only)]
Networks = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split), AfterValidator(_networks)]
UrlPrefixes = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(split), AfterValidator(_url_prefixes)
]
ApiKey = Annotated[SecretStr, AfterValidator(_api_key)]
FrontEnd = Annotated[Path | str | None, BeforeValidator(_front_end)]
"""A folder as a path, a page elsewhere as its URL."""
AppId = Annotated[str, AfterValidator(_app_id)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(split)]
Scopes = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_spaces)]
Keys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(split), AfterValidator(_keys)]
SigningSecrets = Annotated[
    tuple[SecretStr, ...],
    NoDecode,
    BeforeValidator(split),
    AfterValidator(_signing_secrets),
]
