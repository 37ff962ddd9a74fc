"""How many calls are under way: no page can take all of them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors.calls import GatewayBusy
from app.models.identifiers import ConnectionId

_AGAIN_AFTER_SECONDS = 1


class Slots:
    """In this process, and with each connection."""

    def __init__(self, *, at_most: int, at_most_of_connection: int) -> None:
        self._at_most = at_most
        self._at_most_of_connection = at_most_of_connection
        self._taken = 0
        self._by_connection: Counter[ConnectionId] = Counter()

    @contextmanager
    def one(self, connection_id: ConnectionId) -> Iterator[None]:
        """While a call is under way. Raises GatewayBusy: nobody waits here."""
        of_connection = self._by_connection[connection_id]
        if self._taken >= self._at_most or of_connection >= self._at_most_of_connection:
            raise GatewayBusy(retry_after_seconds=_AGAIN_AFTER_SECONDS)
        self._taken += 1
        self._by_connection[connection_id] += 1
        try:
            yield
        finally:
            self._taken -= 1
            self._by_connection[connection_id] -= 1
            if not self._by_connection[connection_id]:
                del self._by_connection[connection_id]
