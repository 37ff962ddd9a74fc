"""Front ends that an operator brings: folders that we serve, pages elsewhere that we lead to."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.setting_problems import problems
from tests.conftest import Hearth, StartHearth
from tests.support.gateway import signed_in
from tests.support.settings import make_settings
from tests.support.vendor import Vendor
from tests.support.wire import wire

pytestmark = pytest.mark.anyio

ELSEWHERE = "https://cards.example"
INDEX = b"<!doctype html><title>built</title>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    built = tmp_path / "dist"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_bytes(INDEX)
    (built / "assets" / "index-BfRysPK2.js").write_bytes(b"export {};")
    (built / "card.js").write_bytes(b"export {};")
    (built / "my-component.css").write_bytes(b"")
    (tmp_path / "secret.txt").write_text("secret")
    (built / "link.txt").symlink_to(tmp_path / "secret.txt")
    return built


@pytest.fixture
async def hearth(start_hearth: StartHearth, folder: Path) -> AsyncIterator[Hearth]:
    async with start_hearth(pages={"context_card_ui": folder}) as running:
        yield running


async def test_a_folder_is_where_a_sign_in_lands(hearth: Hearth, vendor: Vendor) -> None:
    browser = hearth.browser()
    landing = await browser.sign_in(f"/context-card?conversationId=7&state={await vendor.state()}")
    assert landing.headers["location"].startswith("/ui/context-card?conversationId=7")
    page = await browser.get(landing.headers["location"])

    assert (page.status_code, page.content) == (200, INDEX)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "cached"),
    [
        ("assets/index-BfRysPK2.js", "public, max-age=31536000, immutable"),
        ("card.js", "no-cache"),
        ("my-component.css", "no-cache"),
        ("index.html", "no-cache"),
        ("", "no-cache"),
        ("customers/7", "no-cache"),
    ],
)
async def test_what_never_changes_is_kept_and_all_else_is_asked_for(
    hearth: Hearth, path: str, cached: str
) -> None:
    answer = await hearth.http.get(f"{hearth.url}/ui/context-card/{path}")

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == cached
    again = await hearth.http.get(
        f"{hearth.url}/ui/context-card/{path}", headers={"if-none-match": answer.headers["etag"]}
    )
    assert again.status_code == 304


async def test_addresses_of_the_app_itself_are_answered_with_its_index(hearth: Hearth) -> None:
    for path, status in (("customers/7", 200), ("customers/", 200), ("assets/gone.js", 404)):
        answer = await hearth.http.get(f"{hearth.url}/ui/context-card/{path}")
        assert answer.status_code == status, path
        assert (answer.content == INDEX) == (status == 200)


@pytest.mark.parametrize(
    "path",
    [
        *("../secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt", "assets/../../secret.txt"),
        *("..%5csecret.txt", "%2e%2e%2fsecret.txt", "//etc/passwd", "%2fetc%2fpasswd", "link.txt"),
        *("....//secret.txt", ".%00/../secret.txt"),
    ],
)
async def test_nothing_outside_the_folder_is_served(hearth: Hearth, path: str) -> None:
    async with wire(hearth.url) as connection:
        await connection.send(f"GET /ui/context-card/{path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        answer = await connection.answer()

    assert b"secret" not in answer.body.replace(b"secret.txt", b"")
    assert b"root:" not in answer.body
    assert answer.status in (200, 400, 404)
    assert answer.status != 200 or answer.body == INDEX


async def test_a_built_front_end_may_load_what_it_brings_and_nothing_else(hearth: Hearth) -> None:
    built = (await hearth.http.get(f"{hearth.url}/ui/context-card")).headers
    ours = (await hearth.http.get(f"{hearth.url}/ui/settings")).headers
    policy, plain = built["content-security-policy"], ours["content-security-policy"]

    assert policy.startswith(plain)
    assert "font-src 'self'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "font-src" not in plain
    assert "x-frame-options" not in built


async def test_only_reading_is_possible(hearth: Hearth) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = await hearth.http.request(method, f"{hearth.url}/ui/context-card/card.js")
        assert answer.status_code == 405


# --- elsewhere --------------------------------------------------------------------------------


async def test_a_page_elsewhere_gets_all_that_the_frame_was_loaded_with(
    start_hearth: StartHearth,
) -> None:
    """Also Infobip's state: it is that page which signs in with it."""
    pages = {"context_card_ui": f"{ELSEWHERE}/card", "settings_ui": f"{ELSEWHERE}/s?app=1"}
    async with start_hearth(web={"cors_origins": (ELSEWHERE,)}, pages=pages) as hearth:
        for path, location in (
            ("/context-card?conversationId=7&state=Ab_1", "/card?conversationId=7&state=Ab_1"),
            ("/context-card", "/card"),
            ("/ui/context-card?conversationId=7", "/card?conversationId=7"),
            ("/settings?state=Ab_1", "/s?app=1&state=Ab_1"),
        ):
            answer = await hearth.http.get(hearth.url + path)
            assert answer.status_code == 302
            assert answer.headers["location"] == ELSEWHERE + location
            assert answer.headers["referrer-policy"] == "no-referrer"


async def test_settings_and_events_are_there_for_pages_elsewhere(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    async with start_hearth(web={"cors_origins": (ELSEWHERE,)}) as hearth:
        await signed_in(hearth, vendor)
        asked = {"origin": ELSEWHERE, "access-control-request-method": "PUT"}
        wanted = {"access-control-request-headers": "authorization,if-match"}
        answer = await hearth.http.request(
            "OPTIONS", f"{hearth.url}/api/settings", headers=asked | wanted
        )
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == ELSEWHERE
        refused = await hearth.http.get(f"{hearth.url}/api/events", headers={"origin": ELSEWHERE})
        assert refused.status_code == 401
        assert "etag" in refused.headers["access-control-expose-headers"].lower()


def test_a_front_end_that_cannot_work_is_a_problem(tmp_path: Path) -> None:
    def found(**pages: object) -> list[str]:
        settings = make_settings(
            database_url="postgresql://x/y",
            sandbox_url="http://127.0.0.1:1",
            public_url="http://localhost:1",
            pages=pages,
        )
        return [problem for problem in problems(settings) if "_UI" in problem]

    assert found() == []
    assert "CONTEXT_CARD_UI is not a folder" in found(context_card_ui=tmp_path)[0]
    assert "CORS_ORIGINS does not list" in found(settings_ui=f"{ELSEWHERE}/card")[0]
    (tmp_path / "index.html").touch()
    assert found(context_card_ui=os.fspath(tmp_path)) == []
