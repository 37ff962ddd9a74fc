"""Python's garbage collector, set for what a refresher does."""

import gc

_THRESHOLDS = (50_000, 20, 50)


def collect_rarely() -> None:
    """Renewals allocate thousands of objects a second that die by themselves. Python's default is
    to look for cycles after every 700 of them, which costs a twentieth of each renewal."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
