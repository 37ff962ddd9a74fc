"""What a 401 of Infobip's is about: usually the token, sometimes not."""

from collections import OrderedDict

from app.clock import Clock
from app.models.identifiers import ConnectionId

_BELIEVED_SECONDS = 30.0
_MOST = 10_000


class Unhelped:
    """Connections whose 401 a fresh token did not help: what they ask for is not theirs to have.

    Without this, a page that asks again and again would have a token renewed each time.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._until: OrderedDict[ConnectionId, float] = OrderedDict()

    def note(self, connection_id: ConnectionId) -> None:
        """It was refused with a token that was fresh."""
        self._until[connection_id] = self._clock.monotonic() + _BELIEVED_SECONDS
        self._until.move_to_end(connection_id)
        if len(self._until) > _MOST:
            self._until.popitem(last=False)

    def __contains__(self, connection_id: ConnectionId) -> bool:
        until = self._until.get(connection_id)
        return until is not None and until > self._clock.monotonic()
