"""The embedded PostgreSQL, on the real thing: real clusters, real processes, real kills."""

import asyncio
import contextlib
import functools
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from app.embedded_postgres.account import Account
from app.embedded_postgres.locks import is_held
from app.embedded_postgres.programs import find_programs

ROOT = Path(__file__).resolve().parents[1]
STARTS_AND_WAITS = """
import os, sys
from pathlib import Path
from app.embedded_postgres import EmbeddedPostgres
if len(sys.argv) > 2:
    os.setgroups([])
    os.setgid(int(sys.argv[3]))
    os.setuid(int(sys.argv[2]))
server = EmbeddedPostgres(data_dir=Path(sys.argv[1]))
print(server.start(), flush=True)
sys.stdin.read()
server.stop()
"""
IS_ROOT = os.geteuid() == 0
"""Root may be others; whoever else runs these tests is an ordinary user already."""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every account can reach, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="hearth-test-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    for lock in folder.rglob("server.lock"):
        eventually(functools.partial(has_ended, lock.parent))
    shutil.rmtree(folder)


class Elsewhere:
    """Another process that starts the server, and stops it when its input ends."""

    def __init__(self, data_dir: Path, *as_account: int, path: str | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", STARTS_AND_WAITS, str(data_dir), *map(str, as_account)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=os.environ | {"PYTHONIOENCODING": "utf-8"} | ({"PATH": path} if path else {}),
        )

    def url(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(b"postgresql+asyncpg://"):
                return line.decode().strip()
        raise AssertionError(f"it ended with {self.process.wait()} before it was ready")

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def finish(self) -> None:
        self.process.communicate()
        assert self.process.returncode == 0


@contextlib.contextmanager
def elsewhere(data_dir: Path, *as_account: int, path: str | None = None) -> Iterator[Elsewhere]:
    other = Elsewhere(data_dir, *as_account, path=path)
    try:
        yield other
    finally:
        other.kill()


def sql(url: str, statement: str) -> Any:
    async def run() -> Any:
        engine = create_async_engine(url, poolclass=NullPool)
        async with engine.begin() as connection:
            result = await connection.execute(text(statement))
            return result.scalar() if result.returns_rows else None

    return asyncio.run(run())


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.005)


def server_pid(data_dir: Path) -> int:
    return int((data_dir / "cluster" / "postmaster.pid").read_text().splitlines()[0])


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def has_ended(data_dir: Path) -> bool:
    return not is_held(data_dir / "server.lock")


def test_a_cold_start_makes_a_database_and_a_warm_start_finds_its_rows(place: Path) -> None:
    with EmbeddedPostgres(data_dir=place / "data") as postgres:
        sql(postgres.url, "create table kept as select 7 as number")
    assert has_ended(place / "data")
    with EmbeddedPostgres(data_dir=place / "data") as postgres:
        assert sql(postgres.url, "select number from kept") == 7


def test_it_is_durable_and_listens_on_a_private_socket_only(place: Path) -> None:
    with EmbeddedPostgres(data_dir=place / "data") as postgres:
        assert sql(postgres.url, "show fsync") == "on"
        assert sql(postgres.url, "show listen_addresses") == ""
        assert sql(postgres.url, "show server_encoding") == "UTF8"
    assert stat.S_IMODE((place / "data" / "socket").stat().st_mode) == 0o700


def test_stopping_twice_is_harmless_and_it_starts_again(place: Path) -> None:
    postgres = EmbeddedPostgres(data_dir=place / "data")
    postgres.stop()
    for _ in range(2):
        assert sql(postgres.start(), "select 1") == 1
        assert postgres.start() == postgres.url
        postgres.stop()
        postgres.stop()
    with pytest.raises(EmbeddedPostgresError, match="start it first"):
        _ = postgres.url


def test_it_outlives_the_thread_that_called_start(place: Path) -> None:
    with contextlib.closing(_Stopping(EmbeddedPostgres(data_dir=place / "data"))) as held:
        caller = threading.Thread(target=held.postgres.start)
        caller.start()
        caller.join()
        assert sql(held.postgres.url, "select pg_is_in_recovery()") is False


class _Stopping:
    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self.postgres = postgres

    def close(self) -> None:
        self.postgres.stop()


@pytest.mark.parametrize(
    "name",
    ["with spaces", "Straße-ключ", "a,b:c'd", "long-" + "x" * 120],
    ids=["spaces", "non-ASCII", "separators", "long"],
)
def test_any_path_will_do(place: Path, name: str) -> None:
    data_dir = place / name / "data"
    for _ in range(2):
        with EmbeddedPostgres(data_dir=data_dir) as postgres:
            assert sql(postgres.url, "select 1") == 1
            socket_dir = (data_dir / "socket").resolve()
            assert stat.S_IMODE(socket_dir.stat().st_mode) == 0o700
    if not socket_dir.is_relative_to(place):
        assert not socket_dir.exists()


def test_variables_of_a_postgres_client_change_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nowhere")
    with EmbeddedPostgres(data_dir=place / "data") as postgres:
        assert sql(postgres.url, "select 1") == 1


def test_the_server_does_not_inherit_our_secrets(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENCRYPTION_KEYS", "not for others")
    with EmbeddedPostgres(data_dir=place / "data") as postgres:
        sql(postgres.url, "create table environment (line text)")
        sql(postgres.url, "copy environment from program 'env'")  # a child of the server
        lines = sql(postgres.url, "select string_agg(line, ' ') from environment")
    assert "PWD=" in lines
    assert "ENCRYPTION" not in lines


def test_a_second_process_joins_and_its_end_stops_nothing(place: Path) -> None:
    with EmbeddedPostgres(data_dir=place) as postgres, elsewhere(place) as other:
        assert other.url() == postgres.url
        other.finish()
        assert sql(postgres.url, "select 1") == 1


def test_processes_that_start_at_once_share_one_server(place: Path) -> None:
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(elsewhere(place)) for _ in range(4)]
        urls = {other.url() for other in others}
        assert len(urls) == 1
        assert sql(urls.pop(), "select 1") == 1


def test_a_killed_starter_takes_the_server_with_it(place: Path) -> None:
    with elsewhere(place) as other:
        sql(other.url(), "create table kept as select 7 as number")
        other.kill()
        if sys.platform == "linux":  # elsewhere the next start stops it
            eventually(lambda: has_ended(place))
            assert not (place / "cluster" / "postmaster.pid").exists()  # a clean shutdown, no crash
    with EmbeddedPostgres(data_dir=place) as postgres:
        assert sql(postgres.url, "select number from kept") == 7


def test_a_start_right_after_a_kill_waits_for_the_old_server_to_end(place: Path) -> None:
    with EmbeddedPostgres(data_dir=place) as postgres:
        sql(postgres.url, "create table starts (number int)")
    for number in range(5):
        with elsewhere(place) as other:
            sql(other.url(), f"insert into starts values ({number})")
            other.kill()
            with EmbeddedPostgres(data_dir=place) as postgres:
                assert sql(postgres.url, "select count(*) from starts") == number + 1


def test_an_orphaned_server_is_stopped_and_replaced(place: Path) -> None:
    """As on a system without a parent-death signal: the starter is gone, the server is not."""
    with EmbeddedPostgres(data_dir=place) as postgres:
        sql(postgres.url, "create table kept as select 7 as number")
        orphan = server_pid(place)
        (place / "starter.lock").unlink()
        with EmbeddedPostgres(data_dir=place) as successor:
            assert server_pid(place) != orphan
            assert sql(successor.url, "select number from kept") == 7


def test_a_pid_file_left_by_a_crash_does_not_matter_even_when_its_pid_lives_on(
    place: Path,
) -> None:
    with elsewhere(place) as other:
        sql(other.url(), "create table kept as select 7 as number")
        crashed = (place / "cluster" / "postmaster.pid").read_text()
        os.kill(server_pid(place), signal.SIGKILL)
        eventually(lambda: has_ended(place))
    owner = (place / "cluster").stat()
    with subprocess.Popen(
        ["/bin/cat"], stdin=subprocess.PIPE, user=owner.st_uid if os.geteuid() == 0 else None
    ) as stranger:
        lines = [str(stranger.pid), *crashed.splitlines()[1:]]
        (place / "cluster" / "postmaster.pid").write_text("\n".join(lines) + "\n")
        with EmbeddedPostgres(data_dir=place) as postgres:
            assert sql(postgres.url, "select number from kept") == 7


def test_a_server_that_dies_is_started_again_by_whoever_comes_next(place: Path) -> None:
    with elsewhere(place) as other:
        other.url()
        killed = server_pid(place)
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: not is_alive(killed))  # its children may linger, and hold the lock
        with EmbeddedPostgres(data_dir=place) as postgres:
            assert sql(postgres.url, "select 1") == 1


def test_a_kill_in_the_middle_of_initdb_leaves_nothing_that_hinders(place: Path) -> None:
    with elsewhere(place) as other:
        eventually(lambda: any(place.glob("cluster.new-*/PG_VERSION")))
        other.kill()
        with EmbeddedPostgres(data_dir=place) as postgres:
            assert sql(postgres.url, "select 1") == 1
    assert not list(place.glob("cluster.new-*"))


def test_a_database_of_another_version_is_refused_and_left_alone(place: Path) -> None:
    with EmbeddedPostgres(data_dir=place):
        pass
    (place / "cluster" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedPostgresError, match=r"made by PostgreSQL 9; here only .*18"):
        EmbeddedPostgres(data_dir=place).start()
    assert (place / "cluster" / "PG_VERSION").read_text() == "9\n"


def test_a_folder_that_is_no_database_is_refused_and_left_alone(place: Path) -> None:
    (place / "cluster").mkdir()
    (place / "cluster" / "thesis.txt").touch()
    with pytest.raises(EmbeddedPostgresError, match="not the folder of a PostgreSQL database"):
        EmbeddedPostgres(data_dir=place).start()
    assert (place / "cluster" / "thesis.txt").exists()


def test_a_server_that_cannot_start_shows_the_end_of_its_log(place: Path) -> None:
    with EmbeddedPostgres(data_dir=place):
        pass
    with (place / "cluster" / "postgresql.conf").open("a") as configuration:
        configuration.write("nonsense = 1\n")
    with pytest.raises(EmbeddedPostgresError, match=r'(?s)ended while.*"nonsense"'):
        EmbeddedPostgres(data_dir=place).start()
    assert has_ended(place)


def test_a_path_through_a_file_is_an_error_in_words(place: Path) -> None:
    (place / "file").touch()
    with pytest.raises(EmbeddedPostgresError, match="choose another DATA_DIR"):
        EmbeddedPostgres(data_dir=place / "file" / "data").start()


def test_a_log_that_has_grown_long_is_emptied_at_the_next_start(place: Path) -> None:
    (place / "postgres.log").touch()
    os.truncate(place / "postgres.log", 10_000_001)
    with EmbeddedPostgres(data_dir=place):
        assert (place / "postgres.log").stat().st_size < 10_000


def test_the_files_are_where_the_servers_account_can_reach_them(place: Path) -> None:
    """Root's server has an account of its own, to which a private folder of root's is closed."""
    data_dir = place / "private" / "data"
    (place / "private").mkdir(mode=0o700)
    try:
        with EmbeddedPostgres(data_dir=data_dir) as postgres:
            sql(postgres.url, "create table kept as select 7 as number")
        with EmbeddedPostgres(data_dir=data_dir) as postgres:
            assert sql(postgres.url, "select number from kept") == 7
        assert stat.S_IMODE((place / "private").stat().st_mode) == 0o700
        assert (place / "private").stat().st_uid == os.geteuid()
        assert (data_dir / "cluster").exists() == (not IS_ROOT)
        assert (data_dir / "elsewhere").exists() == IS_ROOT
    finally:
        if IS_ROOT:
            shutil.rmtree((data_dir / "elsewhere").resolve())


def ordinary_user() -> tuple[int, int]:
    """Whom root can be; else ourselves."""
    if not IS_ROOT:
        return os.geteuid(), os.getegid()
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def as_ordinary_user() -> tuple[int, ...]:
    return ordinary_user() if IS_ROOT else ()


def test_an_ordinary_user_starts_it_and_we_after_them(place: Path) -> None:
    uid, gid = ordinary_user()
    programs = None  # an ordinary user finds their own
    if IS_ROOT:
        programs = str(find_programs(Account(uid, gid, []), wanted=None))
    (place / "data").mkdir()
    os.chown(place / "data", uid, gid)
    with elsewhere(place / "data", *as_ordinary_user(), path=programs) as other:
        assert sql(other.url(), "create table kept as select 7 as number") is None
        other.finish()
    assert (place / "data" / "cluster").stat().st_uid == uid
    with EmbeddedPostgres(data_dir=place / "data") as postgres:
        assert sql(postgres.url, "select number from kept") == 7


def test_an_ordinary_user_is_told_that_the_folder_is_another_accounts(place: Path) -> None:
    theirs = Path("/usr")
    if IS_ROOT:
        theirs = place
        with EmbeddedPostgres(data_dir=place):
            pass
    with (
        elsewhere(theirs, *as_ordinary_user()) as other,
        pytest.raises(AssertionError, match="ended with 1"),
    ):
        other.url()
