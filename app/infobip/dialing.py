"""From the name of a host to a connection: its address, a proxy on the way, TLS."""

import asyncio
import ssl
from collections.abc import Callable
from typing import TypeVar, cast

from app.infobip.addresses import Addresses, first_to_connect
from app.infobip.errors import Unreachable
from app.infobip.proxies import Proxies, Proxy

_LONGEST_HEAD_BYTES = 65_536
_HEAD_ENDS = b"\r\n\r\n"

Protocol = TypeVar("Protocol", bound=asyncio.BaseProtocol)
Secured = TypeVar("Secured", bound=asyncio.BufferedProtocol)


class Dialer:
    """Raises OSError or Unreachable where no connection comes about. It has no time limit."""

    def __init__(self, *, tls: ssl.SSLContext, proxies: Proxies, addresses: Addresses) -> None:
        self._tls = tls
        self._proxies = proxies
        self._addresses = addresses

    async def plain(self, protocol: Callable[[], Protocol], host: str, port: int) -> Protocol:
        """Have such a protocol speak with the host."""
        loop = asyncio.get_running_loop()

        async def connect(address: str) -> tuple[asyncio.Transport, Protocol]:
            return await loop.create_connection(protocol, address, port)

        found = await self._addresses.of(host)
        _, connected = await first_to_connect(found, connect, give_up=lambda late: late[0].abort())
        return connected

    async def secure(
        self, protocol: Callable[[], Secured], host: str, port: int
    ) -> tuple[Secured, asyncio.Transport]:
        """The same over TLS, through a proxy where there is one; and the TCP beneath."""
        proxy = self._proxies.on_the_way_to(host)
        if proxy is None:
            raw = await self.plain(_Raw, host, port)
        else:
            raw = await self.plain(_Raw, proxy.host, proxy.port)
        try:
            if proxy is not None:
                await raw.ask_for(proxy, host, port)
            return await raw.speak_tls(protocol(), self._tls, host), raw.transport
        except BaseException:
            raw.transport.abort()
            raise


class _Raw(asyncio.Protocol):
    """TCP, before it speaks TLS."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._opened: asyncio.Future[None] | None = None
        self._head = b""

    async def ask_for(self, proxy: Proxy, host: str, port: int) -> None:
        """A tunnel (RFC 9110, CONNECT). Raises Unreachable."""
        self._opened = asyncio.get_running_loop().create_future()
        if self.transport.is_closing():
            raise Unreachable("closed by the proxy")
        self.transport.write(_connect(proxy, host, port))
        await self._opened

    async def speak_tls(self, protocol: Secured, tls: ssl.SSLContext, host: str) -> Secured:
        """Hand the connection over to this protocol."""
        if self.transport.is_closing():
            raise Unreachable("closed by the other side")
        loop = asyncio.get_running_loop()
        inside = await loop.start_tls(self.transport, protocol, tls, server_hostname=host)
        protocol.connection_made(cast("asyncio.BaseTransport", inside))
        return protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._head += data
        if self._opened is None or self._opened.done():
            self.transport.abort()  # nobody has spoken to the server yet
        elif _HEAD_ENDS in self._head:
            self._judge(self._opened)
        elif len(self._head) > _LONGEST_HEAD_BYTES:
            self._opened.set_exception(Unreachable("a head without end from the proxy"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's own
        if self._opened is not None and not self._opened.done():
            self._opened.set_exception(Unreachable("closed by the proxy"))

    def _judge(self, opened: asyncio.Future[None]) -> None:
        status = self._head.split(None, 2)[1:2]
        if status == [b"200"] and self._head.endswith(_HEAD_ENDS):
            opened.set_result(None)
            return
        said = status[0] if status and status[0].isdigit() else b"something else"
        opened.set_exception(Unreachable(f"the proxy answered {said[:16].decode()}"))


def _connect(proxy: Proxy, host: str, port: int) -> bytes:
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"host: {authority}"]
    if proxy.credentials is not None:
        lines.append(f"proxy-authorization: {proxy.credentials}")
    return "\r\n".join([*lines, "\r\n"]).encode("ascii")
