"""How well tokens are kept alive, as only the one who issues them can tell."""


class RenewalRecord:
    """Renewals since the record began, or began anew.

    ``twice`` counts those that came although the token had been renewed already; where the same
    token goes on, those that came in the first quarter of its life.
    """

    def __init__(self) -> None:
        self.count = 0
        self.twice = 0
        self._least_seconds_left: float | None = None

    def renewed(self, *, seconds_left: float, again: bool) -> None:
        """Note a renewal of a token that had so many seconds left."""
        self.count += 1
        self.twice += again
        if self._least_seconds_left is None or seconds_left < self._least_seconds_left:
            self._least_seconds_left = seconds_left

    def as_json(self) -> dict[str, object]:
        """The form in which the control API shows it."""
        least = self._least_seconds_left
        return {
            "count": self.count,
            "twice": self.twice,
            "leastSecondsLeft": None if least is None else round(least, 3),
        }
