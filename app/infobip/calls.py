"""Authenticated calls to Infobip's APIs, streamed both ways, that can be called off."""

from app.infobip.errors import Unintelligible
from app.infobip.http1_answer import Headers
from app.infobip.http1_client import Request, Response, origin_and_target
from app.infobip.http1_connection import Limits, StreamedBody
from app.infobip.transport import Transport

_LOWEST_STATUS = 200
_HIGHEST_STATUS = 599
_USER_AGENT = (b"user-agent", b"hearth")


class Calls:
    """One call at a time, by whoever holds a token; no redirects, no retries."""

    def __init__(self, *, transport: Transport) -> None:
        self._transport = transport

    async def open(
        self,
        method: str,
        url: str,
        *,
        authorization: str,
        headers: Headers,
        body: bytes | StreamedBody | None,
        limits: Limits,
    ) -> Response:
        """Send the request and wait for the answer's head. Whoever cancels this calls it off.

        Raises TimedOut, Unreachable or Unintelligible, or what `body` raises.
        """
        sent = [_USER_AGENT, (b"authorization", authorization.encode("latin-1")), *headers]
        request = Request.make(method, *origin_and_target(url), sent, body)
        answer = await self._transport.client.execute(request, limits)
        if not _LOWEST_STATUS <= answer.status <= _HIGHEST_STATUS:
            await answer.close()
            raise Unintelligible("not a final status", status=answer.status)
        return answer
