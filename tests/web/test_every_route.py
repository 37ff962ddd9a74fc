"""Every route there is, whoever added it: public on purpose, or closed to who brings nothing."""

import re

import pytest
from fastapi.routing import iter_route_contexts

from app.main import create_app
from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, OPS
from tests.support.gateway import signed_in
from tests.support.settings import make_settings
from tests.support.vendor import Vendor

pytestmark = pytest.mark.anyio

ID = "00000000-0000-4000-8000-000000000000"
PUBLIC = {
    *("GET /", "GET /connect", "POST /connect", "GET /connect/done"),
    *("GET /context-card", "GET /settings", "GET /oauth/callback"),
    *("POST /oauth/begin", "POST /oauth/complete", "POST /api/session"),
    *("GET /ui/context-card", "GET /ui/settings", "GET /embed.js", "GET /embed.d.ts"),
    *("GET /healthz", "GET /readyz", "GET /openapi.json", "GET /docs", "GET /admin/status"),
    "POST /infobip/calls",  # signed by Infobip: tests/web/test_signed_calls.py
}
"""Without anything that proves who calls. Whoever adds a route says here that it is meant so."""
FOLDERS = {"/ui/assets", "/console/assets", "/console/swagger-ui"}


def routes() -> list[tuple[str, str]]:
    settings = make_settings(
        database_url="postgresql://nowhere/x", sandbox_url="http://x", public_url="http://localhost"
    )
    return sorted(
        (method, context.path)
        for context in iter_route_contexts(create_app(settings).routes)
        if context.path is not None and context.path not in FOLDERS
        for method in context.methods or ("GET", "POST", "PUT", "PATCH", "DELETE")
        if method != "HEAD"
    )


CLOSED = [
    (method, re.sub(r"\{[^}]*\}", ID, path))
    for method, path in routes()
    if f"{method} {path}" not in PUBLIC
]
OF_PAGES = [(method, path) for method, path in CLOSED if path.startswith("/api/")]
OF_OPERATORS = [route for route in CLOSED if route not in OF_PAGES]


def test_the_walk_finds_plain_routes_as_well_and_the_list_holds_none_that_is_gone() -> None:
    assert ("DELETE", f"/api/infobip/{ID}") in OF_PAGES
    assert ("PUT", f"/admin/connections/{ID}/infobip/{ID}") in OF_OPERATORS
    assert ("GET", "/metrics") in OF_OPERATORS
    assert {f"{method} {path}" for method, path in routes()} >= PUBLIC


async def test_no_closed_route_answers_who_brings_nothing_or_something_wrong(
    start_hearth: StartHearth,
) -> None:
    async with start_hearth(web={"admin_keys": ADMIN_KEYS}) as hearth:
        for method, path in CLOSED:
            for authorization in (None, "Bearer wrong", f"Basic {OPS}", "Bearer hearth_b_wrong"):
                headers = {"x-hearth": "1"}
                if authorization:
                    headers["authorization"] = authorization
                answer = await hearth.http.request(method, hearth.url + path, headers=headers)

                assert answer.status_code == 401, (method, path, authorization)
                code = "not_signed_in" if (method, path) in OF_PAGES else "admin_key_required"
                assert answer.json()["code"] == code, (method, path, authorization)


async def test_keys_of_operators_and_sessions_of_pages_open_only_their_own(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    async with start_hearth(web={"admin_keys": ADMIN_KEYS}) as hearth:
        await _keys_open_no_page(hearth)
        browser = await signed_in(hearth, vendor)
        for method, path in OF_OPERATORS:
            answer = await browser.request(method, path, headers={"x-hearth": "1"})

            assert answer.status_code == 401, (method, path)


async def _keys_open_no_page(hearth: Hearth) -> None:
    for method, path in OF_PAGES:
        answer = await hearth.http.request(
            method,
            hearth.url + path,
            headers={"authorization": f"Bearer {OPS}", "x-hearth": "1"},
        )
        assert answer.status_code == 401, (method, path)
