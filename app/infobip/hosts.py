"""Addresses that every program reads alike, and the hosts that a token may be sent to."""

import re
from collections.abc import Collection
from dataclasses import dataclass

_SHARED_HOST = "api.infobip.com"
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_BASE_URL = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*)",
    re.ASCII,
)
_HIGHEST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """An absolute http or https URL without user, query and fragment."""

    scheme: str
    host: str
    port: int | None
    path: str

    @property
    def authority(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """As browsers write it."""
        default = {"http": 80, "https": 443}[self.scheme]
        host = self.host.lower()
        shown = host if self.port in (None, default) else f"{host}:{self.port}"
        return f"{self.scheme}://{shown}"


def read_base_url(url: str) -> BaseUrl | None:
    """The parts of a base URL; None for whatever two parsers might read differently."""
    match = _BASE_URL.fullmatch(url)
    if match is None:
        return None
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 0 < port <= _HIGHEST_PORT:
        return None
    return BaseUrl(match["scheme"], match["host"], port, match["path"])


def allowed_api_url(url: str, further_hosts: Collection[str] = ()) -> bool:
    """Whether a token may go to this base URL.

    Documented: every account has a personal host `<personal>.api.infobip.com`. Seen: the
    shared host works too. `further_hosts` (`host` or `host:port`) may also be plain http.
    """
    parts = read_base_url(url)
    if parts is None:
        return False
    if parts.authority in further_hosts:
        return True
    host = parts.host.lower()
    infobip = host == _SHARED_HOST or host.endswith("." + _SHARED_HOST)
    return infobip and parts.scheme == "https" and parts.port in (None, 443)


def api_origin(url: str, further_hosts: Collection[str] = ()) -> str | None:
    """An acceptable base URL that names a host and no path; None for any other.

    For addresses that callers give: a path of theirs would stand before every path that the
    operator allowed.
    """
    parts = read_base_url(url)
    if parts is None or parts.path.strip("/") or not allowed_api_url(url, further_hosts):
        return None
    return f"{parts.scheme}://{parts.authority}"
