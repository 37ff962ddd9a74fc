"""When a delivery that failed is tried again."""

from collections.abc import Sequence

WAITS_SECONDS = (5.0, 30.0, 120.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 28_800.0, 28_800.0)
"""After the first attempt, the second …: eleven attempts within a day."""

_SPREAD = 0.1


def wait_after(attempts: int, *, chance: float, waits: Sequence[float]) -> float | None:
    """Seconds until the next attempt, or None after the last one.

    `chance`, from 0 to 1, spreads by a tenth what failed at the same time.
    """
    if attempts > len(waits):
        return None
    return waits[attempts - 1] * (1 + _SPREAD * (2 * chance - 1))
