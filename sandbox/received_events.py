"""Events that an app's own backend would be told by webhooks, for looking at them."""

from collections import deque
from dataclasses import dataclass
from itertools import islice

from sandbox.clock import Clock, rfc3339

_KEPT = 500


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """``headers`` are those that webhooks bring; nobody checks the signature here."""

    received_at: float
    headers: dict[str, str]
    event: object

    def as_json(self) -> dict[str, object]:
        """The form in which the control API shows it."""
        return {
            "receivedAt": rfc3339(self.received_at),
            "headers": self.headers,
            "event": self.event,
        }


class ReceivedEvents:
    """The last ones, in the order in which they came."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: deque[ReceivedEvent] = deque(maxlen=_KEPT)

    def add(self, headers: dict[str, str], event: object) -> None:
        self._events.appendleft(ReceivedEvent(self._clock.now(), headers, event))

    def newest(self, limit: int) -> list[ReceivedEvent]:
        """The newest first."""
        return list(islice(self._events, limit))
