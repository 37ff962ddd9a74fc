"""What a run needs around those that are measured: TLS, the stub, the database."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import msgspec

from app.security.sealing import generate_key
from bench import database
from bench.certificates import make_certificates
from bench.contenders.protocol import Outcome, Task, ask
from bench.cores import Cores, pin, share_out
from bench.database import Due, Written
from bench.stub.answer import ANSWER, TOKEN_PATH
from bench.stub.server import find_nginx, running_stub
from bench.usage import tree_of


@dataclass(frozen=True, slots=True)
class Lab:
    """Ready to measure in."""

    cores: Cores
    stub_kind: str
    token_url: str
    ca_path: str
    database_url: str
    sealing_key: str
    beside: dict[str, int]

    def stage(self, count: int, due: Due, *, replicas: Sequence[UUID] = ()) -> float:
        """See `bench.database.stage`. How many seconds it took."""
        began = time.monotonic()
        asyncio.run(
            database.stage(
                self.database_url,
                sealing_key=self.sealing_key,
                count=count,
                due=due,
                replicas=replicas,
            )
        )
        return time.monotonic() - began

    def written(self) -> Written:
        return asyncio.run(database.written(self.database_url))

    def measure(
        self,
        contender: str,
        *,
        connections: int,
        life_seconds: float,
        in_flight: int,
        warm_up_seconds: float,
        seconds: float,
    ) -> Outcome:
        """Let it run in a process of its own. Raises ChildFailed."""
        task = self._task(connections, life_seconds, in_flight, warm_up_seconds, seconds)
        return ask(contender, [(task, self.cores.client)])[0]

    def measure_together(
        self,
        replicas: Sequence[UUID],
        *,
        connections: int,
        life_seconds: float,
        in_flight: int,
        warm_up_seconds: float,
        cool_down_seconds: float,
        seconds: float,
    ) -> list[Outcome]:
        """Let refreshers run at once, each on a core of its own as far as there are some, with as
        many of the connections each as were leased to them. Where there is more than one, the stub
        and the database may use all these cores. Raises ChildFailed."""
        each = connections // len(replicas)
        task = self._task(each, life_seconds, in_flight, warm_up_seconds, seconds)
        task = msgspec.structs.replace(task, cool_down_seconds=cool_down_seconds)
        cores = [self.cores.client, self.cores.stub]
        with self._everybody_on(self.cores.client + self.cores.stub, when=len(replicas) > 1):
            return ask(
                "hearth",
                [
                    (msgspec.structs.replace(task, replica=replica), cores[number % 2])
                    for number, replica in enumerate(replicas)
                ],
            )

    @contextmanager
    def _everybody_on(self, cores: tuple[int, ...], *, when: bool) -> Iterator[None]:
        usual = {"stub": self.cores.stub, "database": self.cores.database}
        try:
            for name in self.beside:
                self._pin(name, cores if when else usual[name])
            yield
        finally:
            for name in self.beside:
                self._pin(name, usual[name])

    def _pin(self, name: str, cores: tuple[int, ...]) -> None:
        for pid in tree_of(self.beside[name]):
            with suppress(ProcessLookupError):  # PostgreSQL's come and go
                pin(cores, pid=pid)

    def _task(
        self,
        connections: int,
        life_seconds: float,
        in_flight: int,
        warm_up_seconds: float,
        seconds: float,
    ) -> Task:
        return Task(
            token_url=self.token_url,
            ca_path=self.ca_path,
            database_url=self.database_url,
            sealing_key=self.sealing_key,
            connections=connections,
            life_seconds=life_seconds,
            in_flight=in_flight,
            warm_up_seconds=warm_up_seconds,
            seconds=seconds,
            beside=self.beside,
            beside_cores=self.cores.stub,
        )

    def setup(self) -> dict[str, str]:
        """What belongs into every benchmark's findings."""
        return {
            "stub": f"{self.stub_kind}, {len(ANSWER)} bytes of JSON, TLS, keep-alive, loopback",
            "cores": str(self.cores),
            "database": "embedded PostgreSQL, fsync on, over its Unix socket",
        }


@contextmanager
def open_lab() -> Iterator[Lab]:
    """Everything started; everything ended and removed afterwards. Call from the main thread."""
    cores = share_out()
    folder = Path(tempfile.mkdtemp(prefix="hearth-bench-"))
    folder.chmod(0o755)  # nginx, started as root, works under another account
    try:
        certificates = make_certificates(folder)
        pin(cores.database)  # whom we start from here on; the measured ones go elsewhere
        with (
            running_stub(folder, certificates, nginx=find_nginx(), cores=cores.stub) as stub,
            database.running_postgres() as database_url,
        ):
            asyncio.run(database.prepare(database_url))
            yield Lab(
                cores=cores,
                stub_kind=stub.kind,
                token_url=stub.url + TOKEN_PATH,
                ca_path=str(certificates.ca),
                database_url=database_url,
                sealing_key=generate_key(),
                beside={
                    "stub": stub.pid,
                    "database": asyncio.run(database.server_pid(database_url)),
                },
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
