"""Processes that are started here and end here, whatever happens."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Question:
    """What to start on these cores, and what to give it on stdin."""

    command: Sequence[str]
    text: bytes
    cores: tuple[int, ...]


def answers_of(questions: Sequence[Question], *, within_seconds: float) -> list[bytes]:
    """What children print that run at the same time. Raises ChildFailed."""
    deadline = time.monotonic() + within_seconds
    with ExitStack() as started:
        children = [started.enter_context(_asked(question)) for question in questions]
        return [_answer(child, deadline) for child in children]


@contextmanager
def _asked(question: Question) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        question.command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_in_the_child(question.cores),  # noqa: PLW1509 - no other thread of ours forks
    )
    try:
        assert child.stdin is not None
        with child.stdin:
            child.stdin.write(question.text)
        child.stdin = None
        yield child
    finally:
        _end(child)


def _answer(child: subprocess.Popen[bytes], deadline: float) -> bytes:
    name = str(list(child.args)[-1])  # type: ignore[arg-type]
    try:
        answer, complaints = child.communicate(timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise ChildFailed(f"{name} did not end in time") from error
    if child.returncode != 0:
        raise ChildFailed(f"{name} failed:\n{_end_of(complaints)}")
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
