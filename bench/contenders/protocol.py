"""What a contender is told and what it answers; and how it is started."""

import resource
import sys
import time
from collections.abc import Callable, Sequence
from uuid import UUID

import msgspec

from bench.children import Question, answers_of

_SLACK_SECONDS = 60.0


class Task(msgspec.Struct, kw_only=True, frozen=True):
    """All that a contender needs to know.

    `cool_down_seconds`: it goes on for so long after it was measured. `replica` is who it is where
    leases were handed out beforehand. `beside` are pids, by name, of those whose use of the
    processor it notes, and `beside_cores` where they run.
    """

    token_url: str
    ca_path: str
    database_url: str
    sealing_key: str
    connections: int
    life_seconds: float
    in_flight: int
    warm_up_seconds: float
    seconds: float
    cool_down_seconds: float = 0.0
    replica: UUID | None = None
    beside: dict[str, int] = {}
    beside_cores: tuple[int, ...] = ()


class Outcome(msgspec.Struct, kw_only=True, frozen=True):
    """What was done in the measured seconds, and what it cost this process."""

    renewals: int
    seconds: float
    cpu_seconds: float
    details: dict[str, float] = {}

    @property
    def rate(self) -> float:
        return self.renewals / self.seconds

    @property
    def cpu_micros(self) -> float:
        return self.cpu_seconds / max(self.renewals, 1) * 1e6

    @property
    def per_cpu_second(self) -> float:
        return self.renewals / self.cpu_seconds


class Stopwatch:
    """Wall time and CPU time (of all threads) since it was made."""

    def __init__(self, who: int = resource.RUSAGE_SELF) -> None:
        self._who = who
        self._wall, self._cpu = time.perf_counter(), _cpu_seconds(who)

    def read(self) -> tuple[float, float]:
        """Seconds of wall time, seconds of CPU time."""
        return time.perf_counter() - self._wall, _cpu_seconds(self._who) - self._cpu


def ask(contender: str, tasks: Sequence[tuple[Task, tuple[int, ...]]]) -> list[Outcome]:
    """Run this contender once for each task, at the same time, each in a process of its own on
    these cores. Raises ChildFailed."""
    command = [sys.executable, "-m", f"bench.contenders.{contender}"]
    questions = [Question(command, msgspec.json.encode(task), cores) for task, cores in tasks]
    longest = max(one.warm_up_seconds + one.seconds + one.cool_down_seconds for one, _ in tasks)
    answers = answers_of(questions, within_seconds=longest + _SLACK_SECONDS)
    return [msgspec.json.decode(answer, type=Outcome) for answer in answers]


def answer(measure: Callable[[Task], Outcome]) -> None:
    """The contender's side: read the task, do it, print the outcome."""
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    sys.stdout.buffer.write(msgspec.json.encode(measure(task)))


def _cpu_seconds(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime
