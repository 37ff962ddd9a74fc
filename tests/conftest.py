"""Real Postgres, a real sandbox over the wire, a real Hearth: what most tests start from."""

import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.embedded_postgres import EmbeddedPostgres
from app.factory import Process
from app.main import create_app
from app.settings import Settings
from app.web.guarded_protocol import GuardedProtocol
from sandbox.app import create_app as create_sandbox
from sandbox.config import SandboxConfig
from tests.support.databases import Databases, databases_of
from tests.support.lanes import Lanes, arrange, workers
from tests.support.servers import free_socket, serving
from tests.support.settings import make_settings
from tests.support.user_agent import UserAgent
from tests.support.vendor import Vendor


@dataclass(frozen=True)
class Hearth:
    """A Hearth that serves."""

    url: str
    settings: Settings
    process: Process
    http: httpx.AsyncClient

    def browser(self) -> UserAgent:
        """A browser that has never been here."""
        return UserAgent(self.http, hearth=self.url)


StartHearth = Callable[..., AbstractAsyncContextManager[Hearth]]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    return workers(config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Lanes:
    return Lanes(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        arrange(items)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def walkable_folder() -> Iterator[Path]:
    """A folder that the account of an embedded Postgres can reach, when root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="hearth-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a Postgres server for all tests."""
    with tempfile.TemporaryDirectory(prefix="hearth-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # as root, the server runs as another account
        with EmbeddedPostgres(data_dir=Path(folder) / "postgres") as server:
            yield server.url


@pytest.fixture(scope="session")
async def databases(postgres: str) -> AsyncIterator[Databases]:
    async with databases_of(postgres) as databases:
        yield databases


@pytest.fixture
async def database_url(databases: Databases) -> AsyncIterator[str]:
    """A database of the test's own."""
    async with databases.one() as url:
        yield url


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        yield client


@pytest.fixture(scope="session")
def public_port() -> Iterator[socket.socket]:
    """The listening socket of each test's Hearth; its port is registered in the sandbox."""
    with free_socket() as listener:
        yield listener


@pytest.fixture(scope="session")
async def shared_vendor(
    http: httpx.AsyncClient, public_port: socket.socket
) -> AsyncIterator[Vendor]:
    app_url = f"http://localhost:{public_port.getsockname()[1]}"
    listener = free_socket()
    async with serving(create_sandbox(SandboxConfig(app_url=app_url)), listener):
        yield Vendor(http, url=f"http://127.0.0.1:{listener.getsockname()[1]}")


@pytest.fixture
async def vendor(shared_vendor: Vendor) -> Vendor:
    """A sandbox that knows our app and where nothing has happened yet."""
    await shared_vendor.reset()
    return shared_vendor


@pytest.fixture
def start_hearth(
    database_url: str, vendor: Vendor, public_port: socket.socket, http: httpx.AsyncClient
) -> StartHearth:
    """Start a Hearth with settings of the test's choice."""

    @asynccontextmanager
    async def start(
        *,
        refresher: bool = False,
        web: Mapping[str, Any] | None = None,
        pages: Mapping[str, Any] | None = None,
        storage: Mapping[str, Any] | None = None,
        infobip: Mapping[str, Any] | None = None,
        events: Mapping[str, Any] | None = None,
        protocol: type[GuardedProtocol] = GuardedProtocol,
    ) -> AsyncIterator[Hearth]:
        settings = make_settings(
            database_url=database_url,
            sandbox_url=vendor.url,
            public_url=f"http://localhost:{public_port.getsockname()[1]}",
            web=web or {},
            pages=pages or {},
            storage=storage or {},
            infobip=infobip or {},
            events=events or {},
        )
        app = create_app(settings, refresher=refresher)
        async with serving(app, public_port.dup(), protocol=protocol) as url:
            yield Hearth(url, settings, app.state.process, http)

    return start


@pytest.fixture
async def hearth(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    """A Hearth without a refresher."""
    async with start_hearth() as running:
        yield running
