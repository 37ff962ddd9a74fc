"""Which way leads out: HTTPS_PROXY and NO_PROXY."""

import base64
import ipaddress
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

_USUAL_PORT = 8080


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy. `credentials` is the value of Proxy-Authorization, if it wants one."""

    host: str
    port: int
    credentials: str | None = field(repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """`http://name:password@host:port`, all but the host optional.

        Raises ValueError with a sentence that does not repeat it.
        """
        parts = port = None
        with suppress(ValueError):  # whose texts repeat the password
            parts = urlsplit(url if "://" in url else f"http://{url}")
            port = parts.port or _USUAL_PORT
        if parts is None or parts.scheme != "http" or not parts.hostname or port is None:
            raise ValueError("HTTPS_PROXY must begin with http:// and name a host.")
        credentials = None
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            credentials = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return cls(parts.hostname, port, credentials)


class Proxies:
    """What the environment says: HTTPS_PROXY or ALL_PROXY, and NO_PROXY, which lists names and
    covers what lies under them. Loopback is never led through a proxy."""

    def __init__(self) -> None:
        """Raises ValueError for an address that is none."""
        environment = getproxies_environment()
        url = environment.get("https") or environment.get("all")
        self._proxy = Proxy.parse(url) if url else None

    def on_the_way_to(self, host: str) -> Proxy | None:
        """For https alone."""
        if self._proxy is None or _is_loopback(host):
            return None
        return None if proxy_bypass(host) else self._proxy


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
