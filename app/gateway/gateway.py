"""The gateway: a call goes to Infobip with the live token or key that the caller never sees."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from app.clock import Clock
from app.connections.renewal import Renewal
from app.connections.tokens import Usable, UsableTokens
from app.errors import DatabaseUnavailable, HearthError
from app.errors.calls import InfobipTimeout, InfobipUnreachable, NotAllowed, RenewalTimedOut
from app.errors.requests import MalformedRequest
from app.gateway.bodies import Body
from app.gateway.headers import Header, inward
from app.gateway.paths import read_path, write_path
from app.gateway.policy import Policy
from app.gateway.slots import Slots
from app.gateway.unauthorized import Unhelped
from app.infobip.calls import Calls
from app.infobip.errors import InfobipError, TimedOut
from app.infobip.hosts import api_origin
from app.infobip.http1_client import Response
from app.infobip.http1_connection import Limits
from app.models.connection import Connection
from app.models.identifiers import ConnectionId

log = structlog.get_logger(__name__)

_LONGEST_QUERY_BYTES = 8_192
_UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class GatewayCall:
    """A call as it came. `path` and `query` are raw bytes; `body` is None where there is none."""

    method: str
    path: bytes
    query: bytes = field(repr=False)
    headers: list[Header] = field(repr=False)
    body: Body | None


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """The same as it goes to Infobip, but for the token."""

    connection_id: ConnectionId
    method: str
    url: str
    headers: list[Header] = field(repr=False)
    body: bytes | Body | None = field(repr=False)

    @property
    def is_repeatable(self) -> bool:
        return not isinstance(self.body, Body)


class Gateway:
    """Denies by default; the host is the connection's or the configured one, never the caller's."""

    def __init__(
        self,
        *,
        policy: Policy,
        api_url: str,
        api_hosts: Collection[str],
        tokens: UsableTokens,
        renewal: Renewal,
        calls: Calls,
        limits: Limits,
        slots: Slots,
        clock: Clock,
    ) -> None:
        self._policy = policy
        self._api_url = api_url
        self._api_hosts = api_hosts
        self._tokens = tokens
        self._renewal = renewal
        self._calls = calls
        self._limits = limits
        self._slots = slots
        self._unhelped = Unhelped(clock=clock)

    @asynccontextmanager
    async def forward(self, call: GatewayCall, connection: Connection) -> AsyncIterator[Response]:
        """Infobip's answer, whatever its status.

        Raises MalformedRequest, NotAllowed, GatewayBusy, NoLiveToken, DatabaseUnavailable or what
        the body raises, then Infobip was not asked; InfobipTimeout or InfobipUnreachable.
        """
        segments = read_path(call.path)
        if not self._policy.allows(call.method, segments):
            raise NotAllowed
        url = self._api_url_of(connection) + write_path(segments) + _query(call.query)
        with self._slots.one(connection.id):
            usable = await self._tokens.usable(connection)
            headers, body = inward(call.headers), await _to_send(call.body)
            outgoing = _Outgoing(connection.id, call.method, url, headers, body)
            answer = await self._send(outgoing, usable)
            try:
                if answer.status == _UNAUTHORIZED and usable.generation is not None:
                    answer = await self._after_401(outgoing, connection, usable.generation, answer)
                yield answer
            finally:
                await answer.close()

    async def _send(self, call: _Outgoing, usable: Usable) -> Response:
        try:
            return await self._calls.open(
                call.method,
                call.url,
                authorization=usable.authorization,
                headers=call.headers,
                body=call.body,
                limits=self._limits,
            )
        except InfobipError as error:
            log.warning("gateway_failed", reason=error.reason, error=str(error))
            raise gateway_error(error) from error

    async def _after_401(
        self, call: _Outgoing, connection: Connection, generation: int, answer: Response
    ) -> Response:
        """The answer to the same call with a newer token, where that can be had and sent.

        A 401 says that nothing was done, so that any method may be sent a second time, but what
        was streamed is gone. Raises NoLiveToken when the token turns out to be lost.
        """
        if connection.id in self._unhelped:
            return answer
        try:
            await self._renewal.newer_than(generation, connection.id)
            usable = await self._tokens.usable(connection)
        except (RenewalTimedOut, DatabaseUnavailable) as error:
            log.warning("gateway_401_stays", connection_id=str(connection.id), reason=error.code)
            return answer
        if not call.is_repeatable:
            return answer
        await answer.close()
        again = await self._send(call, usable)
        if again.status == _UNAUTHORIZED:
            self._unhelped.note(connection.id)
        return again

    def _api_url_of(self, connection: Connection) -> str:
        """Judged anew for each call: whoever writes to the database names no host of their own."""
        if connection.api_url is None:
            return self._api_url
        origin = api_origin(connection.api_url, self._api_hosts)
        if origin is None:
            log.error("api_url_refused", connection_id=str(connection.id))
            raise NotAllowed("This connection's address is not one of INFOBIP_API_HOSTS.")
        return origin


def gateway_error(error: InfobipError) -> HearthError:
    """How a failed call looks to the page. Whether Infobip acted may be unknown."""
    return InfobipTimeout() if isinstance(error, TimedOut) else InfobipUnreachable()


async def _to_send(body: Body | None) -> bytes | Body | None:
    return await body.kept() if body is not None and body.is_small else body


def _query(raw: bytes) -> str:
    if not raw:
        return ""
    if len(raw) > _LONGEST_QUERY_BYTES or any(not 0x21 <= byte <= 0x7E for byte in raw):
        raise MalformedRequest("The query is too long or has characters that must be encoded.")
    return "?" + raw.decode("ascii").replace("#", "%23")
