"""What holds for every answer: headers, forms of errors, who may ask."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.exc import DBAPIError

from app.store.database import Database
from tests.conftest import Hearth, StartHearth
from tests.support.vendor import Vendor
from tests.support.waiting import eventually
from tests.support.wire import wire

pytestmark = pytest.mark.anyio

EMBEDDED = [
    "/context-card",
    "/settings",
    "/oauth/callback",
    "/ui/context-card",
    "/ui/settings",
    "/ui/nothing",
    "/ui/assets/base.css",
]
OTHERS = [
    "/",
    "/healthz",
    "/readyz",
    "/openapi.json",
    "/api/session",
    "/api/infobip/account/1/balance",
    "/nothing",
    "/docs",
    "/admin/status",
    "/console/assets/docs.js",
    "/console/swagger-ui/swagger-ui.css",
]


@pytest.mark.parametrize("path", EMBEDDED)
async def test_embedded_pages_may_be_framed_by_the_portal_alone(
    hearth: Hearth, vendor: Vendor, path: str
) -> None:
    answer = await hearth.browser().get(path, host="evil.example", origin="https://evil.example")

    policy = answer.headers["content-security-policy"]
    assert policy.endswith(f"frame-ancestors {vendor.url}")
    assert "x-frame-options" not in answer.headers


@pytest.mark.parametrize("path", OTHERS)
async def test_nothing_else_may_be_framed_at_all(hearth: Hearth, path: str) -> None:
    answer = await hearth.browser().get(path)

    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("path", EMBEDDED + OTHERS)
async def test_every_answer_carries_the_headers_that_protect_it(hearth: Hearth, path: str) -> None:
    answer = await hearth.browser().get(path)

    assert answer.status_code < 500
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-request-id"]
    assert answer.headers["cache-control"] in ("no-store", "no-cache")
    assert "server" not in answer.headers or answer.headers["server"] == "uvicorn"
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("path", ["/embed.js", "/ui/assets/base.css", "/console/assets/docs.js"])
async def test_own_files_are_kept_by_browsers_and_asked_for_each_time(
    hearth: Hearth, path: str
) -> None:
    answer = await hearth.http.get(hearth.url + path)
    again = await hearth.http.get(
        hearth.url + path, headers={"if-none-match": answer.headers["etag"]}
    )

    assert answer.status_code == 200
    assert (again.status_code, again.content) == (304, b"")
    assert {answer.headers["cache-control"], again.headers["cache-control"]} == {"no-cache"}


async def test_what_carries_secrets_is_never_stored(hearth: Hearth, vendor: Vendor) -> None:
    browser = hearth.browser()
    landing = await browser.sign_in(f"/context-card?state={await vendor.state()}")
    session = await browser.api("GET", "/session")
    call = await browser.api("GET", "/infobip/account/1/balance")

    for answer in (landing, session, call):
        assert answer.headers["cache-control"] == "no-store"


async def test_over_https_browsers_are_told_to_stay_there(start_hearth: StartHearth) -> None:
    async with start_hearth(web={"public_url": "https://hearth.example"}) as hearth:
        answer = await hearth.http.get(hearth.url + "/healthz")

    assert "max-age=" in answer.headers["strict-transport-security"]


CROSS_SITE = [
    ("GET", "/context-card", "navigate", "iframe", 302),
    ("GET", "/settings", "navigate", "iframe", 302),
    ("GET", "/context-card", "navigate", "document", 302),
    ("GET", "/oauth/callback", "navigate", "iframe", 400),
    ("GET", "/ui/context-card", "navigate", "iframe", 200),
    ("GET", "/context-card", "no-cors", "image", 403),
    ("GET", "/context-card", "cors", "empty", 403),
    ("GET", "/context-card", "navigate", "object", 403),
    ("GET", "/oauth/callback", "no-cors", "script", 403),
    ("GET", "/ui/assets/base.css", "no-cors", "style", 403),
    ("GET", "/api/session", "navigate", "document", 403),
    ("GET", "/api/session", "cors", "empty", 403),
    ("DELETE", "/api/session", "cors", "empty", 403),
    ("POST", "/api/infobip/sms/2/text/advanced", "navigate", "document", 403),
    ("POST", "/context-card", "navigate", "iframe", 403),
    ("GET", "/openapi.json", "cors", "empty", 403),
]


@pytest.mark.parametrize(("method", "path", "mode", "dest", "status"), CROSS_SITE)
async def test_other_sites_may_only_navigate_to_our_pages(  # noqa: PLR0917 - a table's columns
    hearth: Hearth, method: str, path: str, mode: str, dest: str, status: int
) -> None:
    for site in ("cross-site", "same-site"):
        headers = {"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest}

        answer = await hearth.browser().request(method, path, headers=headers)

        assert answer.status_code == status


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("POST", "/healthz", 405, "method_not_allowed"),
        ("GET", "/api/session", 401, "not_signed_in"),
    ],
)
async def test_programs_get_problems(
    hearth: Hearth, method: str, path: str, status: int, code: str
) -> None:
    answer = await hearth.browser().request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": f"urn:hearth:problem:{code}",
        "title": answer.json()["title"],
        "status": status,
        "detail": answer.json()["detail"],
        "code": code,
    }


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "path",
    [
        *["/context-card/", "/context-card/?state=abc", "/settings/", "/ui/context-card/"],
        *["/oauth/callback/", "/oauth/callback/?code=abc&state=abc", "/api/session/", "/healthz/"],
        *["/api/infobip", "/ui/assets", "/ui/assets/", "/ui/", "/ui", "//evil.example/"],
        *["/ui/assets//evil.example/", "/ui/assets/..", "/ui/assets/%2e%2e/", "/\\evil.example"],
    ],
)
async def test_a_slash_too_many_or_too_few_leads_nowhere(
    hearth: Hearth, method: str, path: str
) -> None:
    """Least of all to the host that the request names."""
    async with wire(hearth.url) as connection:
        await connection.send(
            f"{method} {path} HTTP/1.1\r\nhost: evil.example\r\n"
            "x-forwarded-host: evil.example\r\nconnection: close\r\n\r\n".encode()
        )
        answer = (await connection.rest()).decode("latin-1").lower()

    assert 400 <= int(answer.split(" ")[1]) < 500
    assert "\nlocation:" not in answer
    assert "evil.example" not in answer


async def test_a_page_does_not_share_its_window_with_those_who_opened_it(hearth: Hearth) -> None:
    answer = await hearth.browser().get("/ui/context-card")

    assert answer.headers["cross-origin-opener-policy"] == "same-origin"


async def test_there_is_no_cors(hearth: Hearth) -> None:
    answer = await hearth.browser().request(
        "OPTIONS",
        "/api/session",
        headers={
            "origin": "https://evil.example",
            "access-control-request-method": "GET",
            "access-control-request-headers": "x-hearth",
        },
    )

    assert answer.status_code >= 400
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.fixture
async def without_database(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    """A Hearth whose database has gone away."""
    async with start_hearth() as hearth:
        async with hearth.process.database.transaction() as tx:
            name = (await tx.exec_driver_sql("SELECT current_database()")).scalar_one()
            await tx.exec_driver_sql("SELECT 1")
        await rename(hearth, name, f"{name}_away")
        yield hearth
        await rename(hearth, f"{name}_away", name)


async def rename(hearth: Hearth, old: str, new: str) -> None:
    """Nobody can connect to a database by a name that it does not have any more."""
    url = hearth.settings.storage.database_url
    assert url is not None
    maintenance = url.get_secret_value().replace(f"@/{old.removesuffix('_away')}?", "@/postgres?")
    database = Database(url=maintenance, pool_size=1)

    async def renamed() -> bool:
        """Somebody may have come in between."""
        try:
            async with database.statement() as tx:
                await tx.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    f"WHERE datname = '{old}'"
                )
                await tx.exec_driver_sql(f"ALTER DATABASE {old} RENAME TO {new}")
        except DBAPIError:
            return False
        return True

    await eventually(renamed)
    await database.close()


async def test_without_its_database_it_says_so_and_stays_ready(without_database: Hearth) -> None:
    browser = without_database.browser()
    browser.cookies["__Host-hearth-session"] = "hearth_s_x"
    entry, callback, session, ready, healthy = await asyncio.gather(
        browser.get("/context-card?state=abc"),
        browser.get("/oauth/callback?code=abc&state=abc"),
        browser.api("GET", "/session"),
        browser.get("/readyz"),
        browser.get("/healthz"),
    )

    for answer in (entry, callback, session):
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "database_unavailable" in answer.text
    assert entry.headers["content-type"].startswith("text/html")
    assert (ready.status_code, healthy.status_code) == (200, 200)
