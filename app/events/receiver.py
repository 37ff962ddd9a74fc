"""The operator's receiver: where events are sent, signed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import httpx

from app.clock import Clock
from app.events.message import message
from app.infobip.errors import InfobipError, TimedOut, Unreachable
from app.infobip.transport import Transport, translated_errors
from app.models.event import Outgoing
from app.security.webhooks import signature

_MOST_ANSWER_BYTES = 65_536
_GONE = 410


class Result(StrEnum):
    """What an attempt can end in."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    """Any answer but 2xx and 410, redirects too: they are not followed."""
    GONE = "gone"
    """The receiver does not want it, ever."""
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    UNINTELLIGIBLE = "unintelligible"


@dataclass(frozen=True, slots=True)
class Attempt:
    """`outcome` is the status that was answered, or why there was none."""

    result: Result
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Where to, and signed with which keys. `url` is the operator's word and nobody else's."""

    url: str
    keys: Sequence[bytes] = field(repr=False)
    reconnect_url: str
    timeout_seconds: float
    transport: Transport
    clock: Clock

    async def deliver(self, outgoing: Outgoing) -> Attempt:
        """Send it once; whatever comes of that is the answer, never an error."""
        try:
            status = await self._post(outgoing)
        except TimedOut:
            return Attempt(Result.TIMED_OUT, Result.TIMED_OUT)
        except Unreachable:
            return Attempt(Result.UNREACHABLE, Result.UNREACHABLE)
        except InfobipError:
            return Attempt(Result.UNINTELLIGIBLE, Result.UNINTELLIGIBLE)
        if 200 <= status < 300:
            return Attempt(Result.DELIVERED, str(status))
        return Attempt(Result.GONE if status == _GONE else Result.REFUSED, str(status))

    async def _post(self, outgoing: Outgoing) -> int:
        body = message(outgoing, reconnect_url=self.reconnect_url)
        sent = int(self.clock.utcnow().timestamp())
        message_id = str(outgoing.id)
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(sent),
            "webhook-signature": signature(
                self.keys, message_id=message_id, timestamp=sent, body=body
            ),
        }
        with translated_errors():
            request = httpx.Request(
                "POST",
                self.url,
                headers=headers,
                content=body,
                extensions={"timeout": {"read": self.timeout_seconds}},
            )
            response = await self.transport.raw.handle_async_request(request)
            try:
                await _read_a_little(response)
            finally:
                await response.aclose()
        return response.status_code


async def _read_a_little(response: httpx.Response) -> None:
    """What is said does not matter; but only a connection that was read to its end is kept."""
    seen = 0
    async for chunk in response.aiter_raw():
        seen += len(chunk)
        if seen > _MOST_ANSWER_BYTES:
            return
