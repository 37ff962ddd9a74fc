"""The gateway: a call goes to Infobip with the live token or key that the caller never sees."""

from collections.abc import AsyncIterable, Collection
from dataclasses import dataclass, field

import structlog

from app.connections.tokens import UsableTokens
from app.errors import (
    HearthError,
    InfobipTimeout,
    InfobipUnreachable,
    MalformedRequest,
    NotAllowed,
)
from app.gateway.headers import Header, inward
from app.gateway.paths import read_path, write_path
from app.gateway.policy import Policy
from app.infobip.calls import Calls, StreamedAnswer
from app.infobip.errors import InfobipError, TimedOut
from app.infobip.hosts import api_origin
from app.models.connection import Connection

log = structlog.get_logger(__name__)

_LONGEST_QUERY_BYTES = 8_192


@dataclass(frozen=True, slots=True)
class GatewayCall:
    """A call as it came. `path` and `query` are raw bytes; `body` is None where there is none."""

    method: str
    path: bytes
    query: bytes = field(repr=False)
    headers: list[Header] = field(repr=False)
    body_length: int | None
    body: AsyncIterable[bytes] | None


class Gateway:
    """Denies by default; the host is the connection's or the configured one, never the caller's."""

    def __init__(
        self,
        *,
        policy: Policy,
        api_url: str,
        api_hosts: Collection[str],
        tokens: UsableTokens,
        calls: Calls,
        timeout_seconds: float,
    ) -> None:
        self._policy = policy
        self._api_url = api_url
        self._api_hosts = api_hosts
        self._tokens = tokens
        self._calls = calls
        self._timeout_seconds = timeout_seconds

    async def forward(self, call: GatewayCall, connection: Connection) -> StreamedAnswer:
        """Infobip's answer, whatever its status.

        Raises MalformedRequest, NotAllowed, NoLiveToken, InfobipTimeout, InfobipUnreachable or
        DatabaseUnavailable; in the first three cases Infobip was not asked.
        """
        segments = read_path(call.path)
        if not self._policy.allows(call.method, segments):
            raise NotAllowed
        url = self._api_url_of(connection) + write_path(segments) + _query(call.query)
        headers = inward(call.headers)
        if call.body_length is not None:
            headers.append((b"content-length", str(call.body_length).encode()))
        usable = await self._tokens.usable(connection)
        try:
            return await self._calls.open(
                call.method,
                url,
                authorization=usable.authorization,
                headers=headers,
                body=call.body,
                timeout_seconds=self._timeout_seconds,
            )
        except InfobipError as error:
            log.warning("gateway_failed", reason=error.reason, error=str(error))
            raise gateway_error(error) from error

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


def _query(raw: bytes) -> str:
    if not raw:
        return ""
    if len(raw) > _LONGEST_QUERY_BYTES or any(not 0x21 <= byte <= 0x7E for byte in raw):
        raise MalformedRequest("The query is too long or has characters that must be encoded.")
    return "?" + raw.decode("ascii").replace("#", "%23")
