"""The live tokens that this process keeps in memory: its refresher fills it, all may read."""

from collections.abc import Collection, Iterator

import msgspec

from app.models.identifiers import ConnectionId, Shard, shard_of
from app.models.token import OpenToken


class LiveToken(msgspec.Struct, eq=False, gc=False):
    """A token in memory. Times are of this process's monotonic clock, in seconds.

    `failures` counts attempts to renew it that brought nothing, `trouble` is the last one's reason.
    `appointment` is where in the refresher's timetable it stands; None when it is not there.

    Mutable, compared by identity, and small, on purpose: there may be a million of them, each
    renewed twice a minute.
    """

    connection_id: ConnectionId
    generation: int
    authorization: str
    sent: float
    life: float
    failures: int = 0
    trouble: str | None = None
    appointment: object = None

    @property
    def expires(self) -> float:
        return self.sent + self.life

    def __repr__(self) -> str:
        return f"LiveToken({self.connection_id}, generation={self.generation})"


class LiveTokens:
    """The tokens of the connections that this process renews."""

    def __init__(self) -> None:
        self._tokens: dict[ConnectionId, LiveToken] = {}

    def __len__(self) -> int:
        return len(self._tokens)

    def __iter__(self) -> Iterator[LiveToken]:
        return iter(self._tokens.values())

    def get(self, connection_id: ConnectionId) -> LiveToken | None:
        return self._tokens.get(connection_id)

    def put(self, token: OpenToken, *, as_of: float) -> LiveToken | None:
        """Take in a token from the database, unless what is here is as new; what was taken in.

        `as_of` is our clock just before the database was asked: ages and lives count from there.
        A taken-in token is a new object: whoever was renewing its predecessor can tell.
        """
        known = self._tokens.get(token.connection_id)
        if known is not None and known.generation >= token.generation:
            return None
        live = LiveToken(
            token.connection_id,
            token.generation,
            token.authorization,
            as_of - token.age_seconds,
            token.age_seconds + token.left_seconds,
        )
        self._tokens[token.connection_id] = live
        return live

    def discard(self, connection_id: ConnectionId) -> None:
        self._tokens.pop(connection_id, None)

    def take_out(self, shards: Collection[Shard]) -> list[LiveToken]:
        """What somebody else renews from now on; it is here no more."""
        gone = self.of(shards)
        for token in gone:
            del self._tokens[token.connection_id]
        return gone

    def put_back(self, token: LiveToken) -> LiveToken | None:
        """What was taken out, as a new object, unless something as new came meanwhile."""
        known = self._tokens.get(token.connection_id)
        if known is not None and known.generation >= token.generation:
            return None
        again = LiveToken(
            token.connection_id, token.generation, token.authorization, token.sent, token.life
        )
        self._tokens[token.connection_id] = again
        return again

    def of(self, shards: Collection[Shard]) -> list[LiveToken]:
        """All of these shards."""
        return [one for one in self._tokens.values() if shard_of(one.connection_id) in shards]
