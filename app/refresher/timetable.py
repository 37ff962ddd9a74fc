"""What is due when: a timing wheel, so that a million entries cost no more than a thousand."""

from collections.abc import Callable

from app.connections.live import LiveToken

TICK_SECONDS = 0.02


class Timetable:
    """Tokens by due time, in ticks. Each is here once: whoever enters it anew, or cancels its
    appointment, leaves an entry behind that is passed over when its time comes."""

    def __init__(self, *, now: float) -> None:
        self._next_tick = _tick(now)
        self._slots: dict[int, list[LiveToken]] = {}

    def add(self, due: float, token: LiveToken) -> None:
        """What is already past comes with the next `take_due`."""
        slot = self._slots.setdefault(max(_tick(due), self._next_tick), [])
        slot.append(token)
        token.appointment = slot

    def take_due(self, now: float) -> list[LiveToken]:
        """All tokens that have become due since the last call, oldest first."""
        last = _tick(now)
        due: list[LiveToken] = []
        if last - self._next_tick > len(self._slots):
            ticks = sorted(tick for tick in self._slots if tick <= last)
        else:
            ticks = list(range(self._next_tick, last + 1))
        for tick in ticks:
            slot = self._slots.pop(tick, ())
            for token in slot:
                if token.appointment is slot:
                    token.appointment = None
                    due.append(token)
        self._next_tick = max(self._next_tick, last + 1)
        return due

    def take_ahead(self, until: float, *, unless: Callable[[LiveToken], object]) -> list[LiveToken]:
        """Tokens that become due by then, before their time; some stay where they are."""
        last = _tick(until)
        taken: list[LiveToken] = []
        for tick in sorted(tick for tick in self._slots if tick <= last):
            slot = self._slots[tick]
            stay = []
            for token in slot:
                if token.appointment is not slot:
                    continue
                if unless(token):
                    stay.append(token)
                else:
                    token.appointment = None
                    taken.append(token)
            slot[:] = stay
        return taken


def _tick(time: float) -> int:
    return int(time / TICK_SECONDS)
