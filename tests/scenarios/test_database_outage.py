"""What a page and an operator notice of a database that is away: as little as can be."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import httpx
import pytest

from app.main import create_app
from app.models.identifiers import ConnectionId
from tests.conftest import Hearth
from tests.support.administration import ADMIN_KEYS, admin
from tests.support.own_postgres import OwnPostgres, own_postgres
from tests.support.servers import free_socket, serving
from tests.support.settings import make_settings
from tests.support.user_agent import UserAgent
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

LIFE = 6.0
SOON = 15.0
"""Long for a machine under load, and short for whoever waits for each of many calls in turn."""


@dataclass(frozen=True)
class Deployment:
    """Two replicas, of which one renews all connections, and a page that is open."""

    postgres: OwnPostgres
    owner: Hearth
    other: Hearth
    page: UserAgent
    connection_id: ConnectionId

    @property
    def page_elsewhere(self) -> UserAgent:
        """The same page, whose calls are led to the other replica."""
        page = self.other.browser()
        page.cookies = dict(self.page.cookies)
        return page


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="hearth-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # as root, the server runs as another account
        yield Path(folder)


@pytest.fixture(scope="module")
async def postgres(folder: Path) -> AsyncIterator[OwnPostgres]:
    async with own_postgres(folder) as (server, _):
        yield server


@pytest.fixture
async def deployment(
    postgres: OwnPostgres, vendor: Vendor, public_port: socket.socket, http: httpx.AsyncClient
) -> AsyncIterator[Deployment]:
    await vendor.configure(tokenLifetimeSeconds=LIFE)
    await postgres.start()
    settings = make_settings(
        database_url=postgres.url,
        sandbox_url=vendor.url,
        public_url=f"http://localhost:{public_port.getsockname()[1]}",
        web={"admin_keys": ADMIN_KEYS},
        infobip={"token_lifetime_seconds": LIFE},
    )

    @asynccontextmanager
    async def replica(listener: socket.socket, *, refresher: bool) -> AsyncIterator[Hearth]:
        app = create_app(settings, refresher=refresher)
        async with serving(app, listener) as url:
            yield Hearth(url, settings, app.state.process, http)

    async with (
        replica(public_port.dup(), refresher=True) as owner,
        replica(free_socket(), refresher=False) as other,
    ):
        async with owner.process.database.transaction() as tx:
            await tx.exec_driver_sql("TRUNCATE connections CASCADE")
        page = owner.browser()
        await page.sign_in(f"/context-card?state={await vendor.state()}")
        session = (await page.api("GET", "/session")).json()
        connection_id = ConnectionId(UUID(session["connection"]["id"]))
        found = Deployment(postgres, owner, other, page, connection_id)
        assert (await found.page_elsewhere.api("GET", "/session")).status_code == 200
        await eventually(lambda: is_taken_in(found))
        yield found


async def is_taken_in(deployment: Deployment) -> bool:
    return deployment.owner.process.live.get(deployment.connection_id) is not None


async def balance(page: UserAgent) -> httpx.Response:
    return await page.api("GET", "/infobip/account/1/balance")


async def outlive(vendor: Vendor) -> None:
    """Let more than a whole life pass: each renewal comes after about half of one."""
    goal = await vendor.count("refreshes") + 3

    async def reached() -> bool:
        return await vendor.count("refreshes") >= goal

    await eventually(reached)


def assert_says_so(answer: httpx.Response) -> None:
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"]
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (503, "database_unavailable")
    assert "database" in problem["detail"]


async def assert_serves_what_it_can(deployment: Deployment) -> None:
    """Many at once, and more than any pool has places: nobody waits for one that is dead."""
    here, elsewhere, stranger = (
        deployment.page,
        deployment.page_elsewhere,
        UserAgent(deployment.owner.http, hearth=deployment.owner.url),
    )
    stranger.cookies = {name: value + "x" for name, value in here.cookies.items()}
    async with asyncio.timeout(SOON):
        for answer in await asyncio.gather(*(balance(here) for _ in range(30))):
            assert answer.status_code == 200
            assert answer.json()["currency"]
        for answer in await asyncio.gather(
            *(balance(elsewhere) for _ in range(30)),
            *(stranger.api("GET", "/session") for _ in range(30)),
            *(admin(deployment.owner, "GET", "/connections") for _ in range(30)),
            admin(deployment.owner, "POST", f"/connections/{deployment.connection_id}/refresh"),
            admin(deployment.owner, "DELETE", f"/connections/{deployment.connection_id}"),
            here.api(
                "POST",
                "/session",
                content=b'{"handoverCode": "hearth_h_x"}',
                content_type="application/json",
            ),
        ):
            assert_says_so(answer)
        entry = await here.get("/context-card?state=x")
        assert entry.status_code == 503
        assert entry.headers["content-type"].startswith("text/html")
        for path in ("/healthz", "/readyz"):
            assert (await here.get(path)).status_code == 200
        metrics = await here.get("/metrics", authorization="Bearer reader-secret-of-the-tests")
        assert "hearth_database_away_seconds" in metrics.text


async def assert_all_is_as_before(deployment: Deployment, vendor: Vendor) -> None:
    async def all_is_well() -> bool:
        answers = [
            await balance(deployment.page),
            await balance(deployment.page_elsewhere),
            await admin(deployment.owner, "GET", "/connections"),
            await admin(deployment.other, "GET", "/connections"),
        ]
        return {answer.status_code for answer in answers} == {200}

    await eventually(all_is_well)
    newcomer = deployment.owner.browser()
    await newcomer.sign_in(f"/settings?state={await vendor.state(user=1)}")
    assert (await newcomer.api("GET", "/session")).status_code == 200
    assert await vendor.count("refusals") == 0


async def test_an_open_page_goes_on_through_the_replica_that_owns_its_connection(
    deployment: Deployment, vendor: Vendor
) -> None:
    await deployment.postgres.stop()

    await assert_serves_what_it_can(deployment)
    await outlive(vendor)
    await assert_serves_what_it_can(deployment)
    session = (await deployment.page.api("GET", "/session")).json()
    assert session["connection"]["status"] == "active"
    assert session["connection"]["expiresAt"] > session["connection"]["renewedAt"]

    await deployment.postgres.start()
    await assert_all_is_as_before(deployment, vendor)


async def test_a_token_is_renewed_on_request_without_the_database(
    deployment: Deployment, vendor: Vendor
) -> None:
    """As the gateway asks for it after a 401."""
    process = deployment.owner.process
    connection = await process.overview.connection(deployment.connection_id)
    await deployment.postgres.kill()
    before = await process.tokens.usable(connection)
    assert before.generation is not None

    await process.renewal.newer_than(before.generation, connection.id)

    after = await process.tokens.usable(connection)
    assert after.generation is not None
    assert after.generation > before.generation
    assert (await balance(deployment.page)).status_code == 200


async def test_a_page_that_was_signed_in_a_moment_ago_goes_on_as_well(
    deployment: Deployment, vendor: Vendor
) -> None:
    page = deployment.owner.browser()
    await page.sign_in(f"/settings?state={await vendor.state()}")
    await deployment.postgres.stop()

    assert (await page.api("GET", "/session")).status_code == 200
    assert (await balance(page)).status_code == 200


async def test_a_database_that_hangs_is_given_up_and_found_again(
    deployment: Deployment, vendor: Vendor
) -> None:
    with frozen(deployment.postgres):
        await assert_serves_what_it_can(deployment)
        await outlive(vendor)
        await assert_serves_what_it_can(deployment)

    await assert_all_is_as_before(deployment, vendor)


async def test_who_was_disconnected_before_stays_so(deployment: Deployment) -> None:
    path = f"/connections/{deployment.connection_id}"
    assert (await admin(deployment.other, "DELETE", path)).status_code == 204

    async def has_heard() -> bool:
        return not (await is_taken_in(deployment) or len(deployment.owner.process.remembered))

    await eventually(has_heard)
    await deployment.postgres.stop()

    for page in (deployment.page, deployment.page_elsewhere):
        assert_says_so(await page.api("GET", "/session"))
        assert_says_so(await balance(page))


async def test_where_it_was_disconnected_nothing_has_to_be_heard_first(
    deployment: Deployment,
) -> None:
    path = f"/connections/{deployment.connection_id}"
    assert (await admin(deployment.owner, "DELETE", path)).status_code == 204

    assert not await is_taken_in(deployment)
    assert len(deployment.owner.process.remembered) == 0


async def test_who_signs_out_meanwhile_is_signed_out_of_memory_as_well(
    deployment: Deployment,
) -> None:
    await deployment.postgres.stop()

    assert_says_so(await deployment.page.api("DELETE", "/session"))
    assert_says_so(await balance(deployment.page))


@contextmanager
def frozen(postgres: OwnPostgres) -> Iterator[None]:
    """All of the server's processes stand still: it neither answers nor breaks what is open."""
    main = postgres.pid
    children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    pids = [main, *map(int, children)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:  # a backend that ended
                continue
