"""Processes that are started here and end here, whatever happens."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

from bench.cores import pin

_END_WITHIN_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1


class ChildFailed(Exception):
    """A child ended with an error or took too long; the message holds the end of its stderr."""


@contextmanager
def running(
    command: Sequence[str],
    *,
    cores: tuple[int, ...],
    output: IO[Any] | int = subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server on these cores, ended at the end of the block or when this process dies."""
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,
        preexec_fn=_in_the_child(cores),  # noqa: PLW1509 - we have no other thread that forks
    )
    try:
        yield child
    finally:
        _end(child)


def answer_of(
    command: Sequence[str], question: bytes, *, cores: tuple[int, ...], within_seconds: float
) -> bytes:
    """What a child prints when it is given this on stdin. Raises ChildFailed."""
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_in_the_child(cores),  # noqa: PLW1509 - we have no other thread that forks
    )
    try:
        answer, complaints = child.communicate(question, timeout=within_seconds)
    except subprocess.TimeoutExpired as error:
        raise ChildFailed(f"{command[-1]} did not end in {within_seconds:.0f} s") from error
    finally:
        _end(child)
    if child.returncode != 0:
        raise ChildFailed(f"{command[-1]} failed:\n{_end_of(complaints)}")
    return answer


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ask, then insist. Its own children hear of it by its death (see `_in_the_child`)."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(_END_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _in_the_child(cores: tuple[int, ...]) -> Callable[[], None]:
    """Pins itself and dies with its parent (Linux), before it becomes the program."""
    parent = os.getpid()
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def prepare() -> None:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
            if os.getppid() != parent:  # it died before we asked
                os._exit(1)
        pin(cores)

    return prepare


def _end_of(text: bytes) -> str:
    return "\n".join(text.decode(errors="replace").splitlines()[-15:])
