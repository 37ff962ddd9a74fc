"""The live tokens that this process keeps in memory: its refresher fills it, all may read."""

from collections.abc import Collection, Iterator
from functools import lru_cache
from uuid import UUID

import msgspec

from app.models.identifiers import ConnectionId, Shard, shard_of_key
from app.models.token import OpenToken


@lru_cache(maxsize=64)
def _shared(seconds: float) -> float:
    """The same object for equal values: nearly all lives are, and each float takes 32 bytes."""
    return seconds


class LiveToken(msgspec.Struct, eq=False, gc=False):
    """A token in memory. Times are of this process's monotonic clock, in seconds.

    `key` is the connection's id, as bytes: a UUID that has been in a dict takes 100 bytes more.
    `failures` counts attempts to renew it that brought nothing, `trouble` is the last one's reason.
    `appointment` is where in the refresher's timetable it stands; None when it is not there.

    Mutable, compared by identity, and small, on purpose: there may be a million of them, each
    renewed twice a minute.
    """

    key: bytes
    generation: int
    authorization: str
    sent: float
    life: float
    failures: int = 0
    trouble: str | None = None
    appointment: object = None

    @property
    def connection_id(self) -> ConnectionId:
        """Made anew each time, which takes as long as to seal a token."""
        return ConnectionId(UUID(bytes=self.key))

    @property
    def shard(self) -> Shard:
        return shard_of_key(self.key)

    @property
    def expires(self) -> float:
        return self.sent + self.life

    def __repr__(self) -> str:
        return f"LiveToken({self.connection_id}, generation={self.generation})"


class LiveTokens:
    """The tokens of the connections that this process renews."""

    def __init__(self) -> None:
        self._tokens: dict[bytes, LiveToken] = {}

    def __len__(self) -> int:
        return len(self._tokens)

    def __iter__(self) -> Iterator[LiveToken]:
        return iter(self._tokens.values())

    def get(self, connection_id: ConnectionId) -> LiveToken | None:
        return self._tokens.get(connection_id.bytes)

    def has(self, token: LiveToken) -> bool:
        """Whether it is still its connection's, and that is here."""
        return self._tokens.get(token.key) is token

    def put(self, token: OpenToken, *, as_of: float) -> LiveToken | None:
        """Take in a token from the database, unless what is here is as new; what was taken in.

        `as_of` is our clock just before the database was asked: ages and lives count from there.
        A taken-in token is a new object: whoever was renewing its predecessor can tell.
        """
        key = token.connection_id.bytes
        known = self._tokens.get(key)
        if known is not None and known.generation >= token.generation:
            return None
        live = LiveToken(
            key,
            token.generation,
            token.authorization,
            as_of - token.age_seconds,
            _shared(round(token.age_seconds + token.left_seconds, 3)),
        )
        self._tokens[key] = live
        return live

    def discard(self, connection_id: ConnectionId) -> None:
        self._tokens.pop(connection_id.bytes, None)

    def take_out(self, shards: Collection[Shard]) -> list[LiveToken]:
        """What somebody else renews from now on; it is here no more."""
        gone = self.of(shards)
        for token in gone:
            del self._tokens[token.key]
        return gone

    def put_back(self, token: LiveToken) -> LiveToken | None:
        """What was taken out, as a new object, unless something as new came meanwhile."""
        known = self._tokens.get(token.key)
        if known is not None and known.generation >= token.generation:
            return None
        again = LiveToken(token.key, token.generation, token.authorization, token.sent, token.life)
        self._tokens[token.key] = again
        return again

    def of(self, shards: Collection[Shard]) -> list[LiveToken]:
        """All of these shards."""
        return [one for one in self._tokens.values() if one.shard in shards]
