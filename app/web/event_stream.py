"""Server-sent events (WHATWG HTML §9.2), to one page."""

import random

import msgspec
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from app.clock import Clock
from app.embed.news import PageNews
from app.embed.streams import Stream
from app.models.account_settings import tag_of
from app.models.connection import ConnectionState, ConnectionStatus
from app.models.session import Session
from app.web.guarded_protocol import GONE, STOPPING
from app.web.reconnection import entry_url

_HEARTBEAT_SECONDS = 15.0
_HEARTBEAT = b": still here\n\n"
_RECONNECT_MILLISECONDS = (1_000, 5_000)
"""After a restart not all pages come back at the same moment."""

_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"x-accel-buffering", b"no"),  # nginx would collect them
]


class EventStream(Response):
    """The state of a page's connection and settings, now and whenever it changes.

    Ends with the session, and when the server stops.
    """

    def __init__(self, session: Session, *, news: PageNews, clock: Clock, public_url: str) -> None:
        self.status_code = 200
        self.background = None
        self.raw_headers = list(_HEADERS)
        self._session = session
        self._news = news
        self._clock = clock
        self._public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive  # that the page has left is told by GONE, without a task that waits for it
        with self._news.listening(self._session) as stream:
            scope[STOPPING](stream.end)
            scope[GONE](stream.end)
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await self._tell(stream, send)

    async def _tell(self, stream: Stream, send: Send) -> None:
        wait = random.randint(*_RECONNECT_MILLISECONDS)  # noqa: S311 - nobody needs to guess it
        await send(_piece(b"retry: %d\n\n" % wait))
        while not stream.is_over and (left := stream.ends - self._clock.monotonic()) > 0:
            await stream.changed(within_seconds=min(_HEARTBEAT_SECONDS, left))
            await send(_piece(self._events(stream) or _HEARTBEAT))
        await send({"type": "http.response.body", "body": b""})

    def _events(self, stream: Stream) -> bytes:
        state, version = stream.take()
        events = b""
        if state is not None:
            events += _event(b"status", self._status(state))
        account_key = self._session.connection.profile.account_key
        if version is not None and account_key is not None:
            events += _event(b"settings", {"etag": f'"{tag_of(account_key, version)}"'})
        return events

    def _status(self, state: ConnectionState) -> dict[str, str | None]:
        url = entry_url(self._public_url, self._session)
        return {
            "status": state.status,
            "reason": state.reason,
            "reconnectUrl": None if state.status is ConnectionStatus.ACTIVE else url,
        }


def _event(name: bytes, data: dict[str, str | None]) -> bytes:
    """JSON has no line breaks of its own, so that one `data:` line holds it."""
    return b"event: " + name + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


def _piece(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}
