"""The stub for machines without nginx: asyncio and httptools, one static answer.

`python -m bench.stub.bundled PORT CERTIFICATE KEY`
"""

import asyncio
import signal
import ssl
import sys
from typing import cast

import httptools
import uvloop

from bench.certificates import LOOPBACK
from bench.stub.answer import ANSWER

_RESPONSE = (
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
    f"content-length: {len(ANSWER)}\r\n\r\n{ANSWER}"
).encode()


class _Answering(asyncio.Protocol):
    """Reads requests only to find their ends."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's over TLS is none by class
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_complete(self) -> None:
        self._transport.write(_RESPONSE)


async def _serve(port: int, certificate: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(_Answering, LOOPBACK, port, ssl=context, backlog=4096)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
