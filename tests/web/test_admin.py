"""Administration: who may, what connections and the record look like, page by page."""

import re
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from fastapi.routing import iter_route_contexts
from pydantic import SecretStr

from app.factory import problems_of
from app.main import create_app
from app.models.audit import Action, Deed
from app.store.audit import AuditStore
from sandbox.config import API_KEY_CYCLES
from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, BACKEND, READER, WRITER, admin
from tests.support.gateway import signed_in
from tests.support.settings import make_settings
from tests.support.vendor import Vendor
from tests.support.wire import wire

pytestmark = pytest.mark.anyio

SHELLS = {"/admin/status"}
"""Pages that ask for the key themselves: static, the same for everybody."""
ID = "00000000-0000-4000-8000-000000000000"


def admin_routes() -> list[tuple[str, str]]:
    """Method and path of every route under /admin there is, whoever added it."""
    settings = make_settings(
        database_url="postgresql://nowhere/x", sandbox_url="http://x", public_url="http://localhost"
    )
    return sorted(
        (method, re.sub(r"\{[^}]*\}", ID, context.path))
        for context in iter_route_contexts(create_app(settings).routes)
        if context.path is not None and context.path.startswith("/admin")
        for method in context.methods or ("GET", "POST")
        if method != "HEAD" and context.path not in SHELLS
    )


ROUTES = admin_routes()
SCOPES = {
    ("GET", "/admin/connections"): READER,
    ("POST", "/admin/connections"): WRITER,
    ("GET", f"/admin/connections/{ID}"): READER,
    ("GET", f"/admin/connections/{ID}/timeline"): READER,
    ("POST", f"/admin/connections/{ID}/refresh"): WRITER,
    ("PATCH", f"/admin/connections/{ID}"): WRITER,
    ("GET", f"/admin/connections/{ID}/token"): BACKEND,
    ("DELETE", f"/admin/connections/{ID}"): WRITER,
    ("GET", f"/admin/connections/{ID}/infobip/{ID}"): BACKEND,
    ("POST", f"/admin/connections/{ID}/infobip/{ID}"): BACKEND,
    ("GET", "/admin/audit"): READER,
    ("GET", "/admin/refresher"): READER,
}


@pytest.fixture
async def hearth(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    """A Hearth with admin keys."""
    async with start_hearth(web={"admin_keys": ADMIN_KEYS}) as running:
        yield running


# --- who may --------------------------------------------------------------------------------


def test_the_walk_over_the_routes_finds_them() -> None:
    assert set(SCOPES) <= set(ROUTES)


async def test_no_route_answers_without_a_key_or_with_a_wrong_one(hearth: Hearth) -> None:
    for method, path in ROUTES:
        for authorization in (
            b"",
            b"Bearer",
            b"Bearer wrong",
            b"Bearer \xff",
            b"Basic " + READER.encode(),
            READER.encode(),
            b"Bearer " + READER.encode() + b"x",
        ):
            answer = await hearth.http.request(
                method, hearth.url + path, headers=[(b"authorization", authorization)]
            )

            assert answer.status_code == 401, (method, path)
            assert answer.json()["code"] == "admin_key_required"
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.headers["content-type"] == "application/problem+json"


async def test_every_route_is_for_one_scope_alone(hearth: Hearth) -> None:
    for method, path in ROUTES:
        answers = {
            secret: await admin(hearth, method, path.removeprefix("/admin"), secret=secret)
            for secret in (READER, WRITER, BACKEND)
        }
        may = {secret for secret, answer in answers.items() if answer.status_code != 403}

        assert len(may) == 1, (method, path)
        assert may == {SCOPES.get((method, path), *may)}
        for secret in answers.keys() - may:
            assert answers[secret].json()["code"] == "insufficient_scope"
            assert answers[secret].headers["content-type"] == "application/problem+json"


async def test_what_is_not_there_is_not_told_apart_without_a_key(hearth: Hearth) -> None:
    for line in (
        "GET /admin",
        "GET /admin/",
        "GET /admin/nothing",
        "PUT /admin/connections",
        "GET /%61dmin/connections",
        "GET /admin%2fconnections",
        "GET /admin//connections",
    ):
        async with wire(hearth.url) as connection:
            await connection.send(f"{line} HTTP/1.1\r\nhost: hearth\r\n\r\n".encode())
            answer = await connection.answer()

        assert answer.status == 401, line


async def test_the_page_that_asks_for_the_key_is_public_and_nothing_beside_it(
    hearth: Hearth,
) -> None:
    shell = await hearth.http.get(f"{hearth.url}/admin/status")
    assert (shell.status_code, shell.headers["content-type"]) == (200, "text/html; charset=utf-8")

    for method, path in (
        ("POST", "/admin/status"),
        ("GET", "/admin/status/"),
        ("GET", "/admin/statu"),
    ):
        assert (await hearth.http.request(method, hearth.url + path)).status_code == 401


async def test_no_body_is_looked_at_without_a_key(hearth: Hearth) -> None:
    for body in (b"{", b"\xff", b"{}", b"x" * 1_000_000):
        answer = await hearth.http.post(
            f"{hearth.url}/admin/connections",
            content=body,
            headers={"content-type": "application/json"},
        )

        assert answer.status_code == 401


async def test_without_any_admin_key_nobody_may_and_it_is_said_why(
    start_hearth: StartHearth,
) -> None:
    async with start_hearth() as hearth:
        answer = await admin(hearth, "GET", "/connections")

    assert answer.status_code == 401
    assert answer.json()["detail"] == "ADMIN_KEYS is not set, so nobody may do this."


async def test_the_log_says_which_key_was_used_and_only_for_its_own_request(
    hearth: Hearth, capfd: pytest.CaptureFixture[str]
) -> None:
    """Also when the next request is there before the answer to the first."""
    async with wire(hearth.url) as connection:
        await connection.send(
            b"GET /admin/audit HTTP/1.1\r\nhost: x\r\n"
            + f"authorization: Bearer {READER}\r\n\r\n".encode()
            + b"GET /admin/connections HTTP/1.1\r\nhost: x\r\n\r\n"
        )
        assert [(await connection.answer()).status for _ in range(2)] == [200, 401]

    first, second = [line for line in capfd.readouterr().out.splitlines() if "request " in line]
    assert "admin=reader" in first
    assert "admin=" not in second


# --- connections ----------------------------------------------------------------------------


async def add(hearth: Hearth, **fields: object) -> str:
    body = {"type": "apiKey", "apiKey": API_KEY_CYCLES, "check": False, **fields}
    answer = await admin(hearth, "POST", "/connections", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_call_through_the_gateway_is_a_use_of_its_connection(
    hearth: Hearth, vendor: Vendor
) -> None:
    browser = await signed_in(hearth, vendor)
    (await browser.api("GET", "/infobip/account/1/balance")).raise_for_status()

    await hearth.process.usage.write()

    (found,) = (await admin(hearth, "GET", "/connections")).json()["items"]
    assert found["lastUsedAt"] >= found["connectedAt"]


async def listed(hearth: Hearth, query: str = "") -> list[str]:
    answer = await admin(hearth, "GET", f"/connections{query}")
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_a_connection_is_shown_as_the_person_and_its_token_are(
    hearth: Hearth, vendor: Vendor
) -> None:
    await signed_in(hearth, vendor)
    user = await vendor.user()

    (found,) = (await admin(hearth, "GET", "/connections")).json()["items"]
    alone = (await admin(hearth, "GET", f"/connections/{found['id']}")).json()

    assert alone == found
    assert {name: found[name] for name in ("type", "status", "reason", "lastUsedAt")} == {
        "type": "oauth",
        "status": "active",
        "reason": None,
        "lastUsedAt": None,
    }
    for name in ("userKey", "username", "email", "locale"):
        assert found[name] == user[name]
    assert found["roles"][0] == {"id": 79, "name": " Manager 1"}
    assert found["groups"]
    assert {name: found[name] for name in ("externalId", "label", "apiUrl")} == {
        "externalId": None,
        "label": None,
        "apiUrl": None,
    }
    for name in ("createdAt", "connectedAt", "renewedAt", "expiresAt"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", found[name])
    assert found["accountKey"]


async def test_connections_can_be_filtered(hearth: Hearth, vendor: Vendor) -> None:
    await signed_in(hearth, vendor)
    ours = await add(hearth, externalId="customer 7/ž")
    ended = await add(hearth)
    await admin(hearth, "DELETE", f"/connections/{ended}")
    (person,) = await listed(hearth, "?type=oauth")
    account = (await admin(hearth, "GET", f"/connections/{person}")).json()["accountKey"]

    assert await listed(hearth) == [ended, ours, person]
    assert await listed(hearth, "?type=apiKey") == [ended, ours]
    assert await listed(hearth, "?status=disconnected") == [ended]
    assert await listed(hearth, "?status=active&type=apiKey") == [ours]
    assert await listed(hearth, "?externalId=customer%207/%C5%BE") == [ours]
    assert await listed(hearth, f"?accountKey={account}") == [person]
    assert await listed(hearth, "?accountKey=nobodys") == []
    assert await listed(hearth, "?status=lost") == []


async def test_pages_follow_one_another_without_gap_or_repetition(hearth: Hearth) -> None:
    made = [await add(hearth) for _ in range(7)]
    async with hearth.process.database.transaction() as tx:  # some of them at the same moment
        await tx.exec_driver_sql("UPDATE connections SET created_at = date_trunc('hour', now())")
    ids: list[str] = []
    cursor: str | None = ""
    sizes = []
    while cursor is not None:
        query = f"?limit=3&cursor={cursor}" if cursor else "?limit=3"
        answer = (await admin(hearth, "GET", f"/connections{query}")).json()
        ids += [item["id"] for item in answer["items"]]
        sizes.append(len(answer["items"]))
        cursor = answer["nextCursor"]

    assert sizes == [3, 3, 1]
    assert ids == sorted(made, reverse=True)


async def test_whoever_is_added_meanwhile_does_not_disturb_the_pages(hearth: Hearth) -> None:
    first, second, third = [await add(hearth) for _ in range(3)]
    page = (await admin(hearth, "GET", "/connections?limit=1")).json()
    await add(hearth)

    rest = await listed(hearth, f"?cursor={page['nextCursor']}")

    assert [item["id"] for item in page["items"]] == [third]
    assert rest == [second, first]


async def test_a_made_up_cursor_is_malformed(hearth: Hearth) -> None:
    for cursor in ("", "x", "A" * 31, "A" * 33, "A" * 31 + "%3D", "f" + "_" * 31, "%00" * 32):
        answer = await admin(hearth, "GET", f"/connections?cursor={cursor}")

        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request"), cursor


async def test_a_malformed_query_is_said_to_be_so(hearth: Hearth) -> None:
    """Also one with a word too many: a filter that is misspelt must not list everything."""
    for query in (
        *("limit=0", "limit=201", "limit=x", "limit=1.5", "limit=", "status=x", "type=APIKEY"),
        *("externalId=", "externalId=%00", "externalId=%0a", f"externalId={'x' * 201}"),
        *("accountKey=%00", "acountKey=x", "page=2"),
    ):
        answer = await admin(hearth, "GET", f"/connections?{query}")

        assert (answer.status_code, answer.json()["code"]) == (422, "malformed_request"), query
        assert answer.headers["content-type"] == "application/problem+json"


async def test_an_unknown_connection_is_unknown(hearth: Hearth) -> None:
    for method in ("GET", "DELETE"):
        unknown = await admin(hearth, method, f"/connections/{uuid4()}")
        malformed = await admin(hearth, method, "/connections/x")

        assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_connection")
        assert malformed.status_code == 422


async def test_a_disconnect_takes_token_and_sessions_and_can_be_repeated(
    hearth: Hearth, vendor: Vendor
) -> None:
    browser = await signed_in(hearth, vendor)
    (connection,) = await listed(hearth)

    answers = [await admin(hearth, "DELETE", f"/connections/{connection}") for _ in range(2)]

    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 2
    assert (await browser.api("GET", "/session")).status_code == 401
    shown = (await admin(hearth, "GET", f"/connections/{connection}")).json()
    assert (shown["status"], shown["reason"]) == ("disconnected", None)
    async with hearth.process.database.transaction() as tx:
        count = await tx.exec_driver_sql("SELECT count(*) FROM tokens WHERE sealed IS NOT NULL")
        assert count.scalar_one() == 0


# --- the record -----------------------------------------------------------------------------


async def test_who_ended_a_connection_is_on_record_once(hearth: Hearth, vendor: Vendor) -> None:
    await signed_in(hearth, vendor)
    (connection,) = await listed(hearth)
    for _ in range(2):
        await admin(hearth, "DELETE", f"/connections/{connection}", secret=WRITER)

    record = (await admin(hearth, "GET", "/audit", secret=READER)).json()["items"]

    (ended,) = [entry for entry in record if entry["action"] == "disconnected"]
    assert ended == {
        "id": ended["id"],
        "at": ended["at"],
        "actor": "writer",
        "action": "disconnected",
        "connectionId": connection,
        "details": {},
    }
    assert ended["at"].endswith("Z")


async def test_the_record_is_read_from_its_newest_end(hearth: Hearth) -> None:
    async with hearth.process.database.transaction() as tx:
        await AuditStore(tx).add(
            *(Deed("ops", Action.LINK_CREATED, None, {"number": str(n)}) for n in range(5))
        )
    numbers: list[str] = []
    before: int | None = None
    while True:
        query = "?limit=2" + (f"&before={before}" if before else "")
        page = (await admin(hearth, "GET", f"/audit{query}")).json()
        numbers += [item["details"]["number"] for item in page["items"]]
        before = page["nextBefore"]
        if before is None:
            break

    assert numbers == ["4", "3", "2", "1", "0"]


async def test_a_malformed_place_in_the_record_is_said_to_be_so(hearth: Hearth) -> None:
    for query in ("before=0", "before=x", f"before={2**63}", "limit=201", "x=1"):
        answer = await admin(hearth, "GET", f"/audit?{query}")

        assert (answer.status_code, answer.json()["code"]) == (422, "malformed_request"), query


# --- settings -------------------------------------------------------------------------------


async def test_wrong_admin_keys_keep_it_from_starting() -> None:
    settings = make_settings(
        database_url="postgresql://x/x",
        sandbox_url="http://localhost:1",
        public_url="http://localhost",
        web={"admin_keys": (ADMIN_KEYS[0], SecretStr("backend:too-short"))},
    )
    assert problems_of(settings) == [
        "ADMIN_KEYS: entry 2 has a secret that is not 16 to 512 printable ASCII characters."
    ]
