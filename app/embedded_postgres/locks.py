"""Advisory file locks, which the kernel drops when their last holder dies."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits for its turn."""
    lock = _opened(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def try_lock(path: Path) -> int | None:
    """The descriptor that holds the lock until it is closed; None where another one does."""
    lock = _opened(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def is_held(path: Path) -> bool:
    if (lock := try_lock(path)) is None:
        return True
    os.close(lock)
    return False


def new_lock(path: Path) -> int:
    """A lock on a new file, whoever still holds one on the old file of this name."""
    path.unlink(missing_ok=True)
    lock = _opened(path)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
