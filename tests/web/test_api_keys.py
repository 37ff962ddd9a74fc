"""API keys of private apps: taken in, checked, kept, used and ended."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.responses import JSONResponse

from app.connections.api_keys import CONFIGURED_ID
from app.security.sealing import generate_key
from sandbox.config import API_KEY_CLINIC, API_KEY_CYCLES
from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, BACKEND, OPS, READER, WRITER, admin
from tests.support.gateway import METHODS, Upstream, signed_in
from tests.support.processes import hearth_process
from tests.support.servers import free_port, free_socket, serving
from tests.support.vendor import Vendor
from tests.support.waiting import eventually
from tests.support.wire import wire

pytestmark = pytest.mark.anyio

WEB = {"admin_keys": ADMIN_KEYS}
ALONE = {"client_id": None, "client_secret": None, "scopes": ()}
"""Settings without an app shell: no OAuth."""
CANARY = "c4na12y0c4na12y0c4na12y0c4na12y0-00000000-0000-4000-8000-00000000c4na"


@pytest.fixture
async def hearth(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    """A Hearth with admin keys."""
    async with start_hearth(web=WEB) as running:
        yield running


async def add(hearth: Hearth, api_key: str = API_KEY_CYCLES, **fields: Any) -> httpx.Response:
    body = {"type": "apiKey", "apiKey": api_key, **fields}
    return await admin(hearth, "POST", "/connections", secret=WRITER, json=body)


async def balance(hearth: Hearth, connection_id: object) -> httpx.Response:
    path = f"/connections/{connection_id}/infobip/account/1/balance"
    return await admin(hearth, "GET", path, secret=BACKEND)


async def count_stored(hearth: Hearth) -> object:
    return await scalar(hearth, "SELECT count(*) FROM connections")


async def scalar(hearth: Hearth, statement: str) -> object:
    async with hearth.process.database.transaction() as tx:
        return (await tx.exec_driver_sql(statement)).scalar_one()


# --- taking one in --------------------------------------------------------------------------


async def test_a_good_key_becomes_a_connection(hearth: Hearth, vendor: Vendor) -> None:
    answer = await add(hearth, externalId="customer-7", label="Cycles", apiUrl=f"{vendor.url}/")

    made = answer.json()
    assert answer.status_code == 201
    assert {name: value for name, value in made.items() if value is not None} == {
        "id": made["id"],
        "type": "apiKey",
        "status": "active",
        "roles": [],
        "groups": [],
        "externalId": "customer-7",
        "label": "Cycles",
        "apiUrl": vendor.url,
        "createdAt": made["createdAt"],
        "connectedAt": made["connectedAt"],
    }
    assert {"accountKey", "renewedAt", "expiresAt", "lastUsedAt", "reason"} <= set(made)
    assert (await admin(hearth, "GET", f"/connections/{made['id']}")).json() == made
    assert await vendor.count("apiCalls") == 1


async def test_who_gave_the_key_is_on_record(hearth: Hearth) -> None:
    made = (await add(hearth, externalId="customer-7")).json()

    (entry,) = (await admin(hearth, "GET", "/audit")).json()["items"]
    assert (entry["actor"], entry["action"], entry["connectionId"]) == (
        "writer",
        "api_key_added",
        made["id"],
    )
    assert entry["details"] == {"checked": "true", "externalId": "customer-7"}


async def test_a_key_that_infobip_does_not_know_is_refused(hearth: Hearth) -> None:
    answer = await add(hearth, CANARY)

    assert (answer.status_code, answer.json()["code"]) == (400, "api_key_refused")
    assert await count_stored(hearth) == 0
    assert (await admin(hearth, "GET", "/audit")).json()["items"] == []


async def test_a_key_that_may_not_see_the_balance_is_a_known_key(
    start_hearth: StartHearth,
) -> None:
    upstream = Upstream()
    async with (
        serving(upstream, free_socket()) as url,
        start_hearth(web=WEB, infobip=leading_to(url)) as hearth,
    ):
        upstream.answer = JSONResponse({"requestError": {}}, status_code=403)
        answer = await add(hearth)

    request, body = upstream.last
    assert answer.status_code == 201
    assert (request.method, request.url.path, body) == ("GET", "/account/1/balance", b"")
    assert request.headers["authorization"] == f"App {API_KEY_CYCLES}"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "error503"}, 502, "infobip_unreachable"),
        ({"kind": "throttle429", "retryAfter": 7}, 503, "infobip_throttled"),
        ({"kind": "drop"}, 502, "infobip_unreachable"),
        ({"kind": "html"}, 502, "infobip_unreachable"),
        ({"kind": "text", "status": 404}, 502, "infobip_unreachable"),
        ({"kind": "refuse"}, 400, "api_key_refused"),
    ],
)
async def test_nothing_is_stored_unless_infobip_says_yes(
    hearth: Hearth, vendor: Vendor, fault: dict[str, Any], status: int, code: str
) -> None:
    await vendor.fail({"target": "api", **fault})

    answer = await add(hearth)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers.get("retry-after") == ("7" if status == 503 else None)
    assert await count_stored(hearth) == 0


async def test_an_infobip_that_cannot_be_reached_is_unreachable(
    start_hearth: StartHearth,
) -> None:
    async with start_hearth(web=WEB, infobip=leading_to("http://127.0.0.1:1")) as hearth:
        answer = await add(hearth)
        stored = await count_stored(hearth)

    assert (answer.status_code, answer.json()["code"]) == (502, "infobip_unreachable")
    assert stored == 0


async def test_without_the_check_infobip_is_not_asked(hearth: Hearth, vendor: Vendor) -> None:
    answer = await add(hearth, CANARY, check=False)

    assert answer.status_code == 201
    assert await vendor.count("apiCalls") == 0
    (entry,) = (await admin(hearth, "GET", "/audit")).json()["items"]
    assert entry["details"]["checked"] == "false"


async def test_the_same_key_may_serve_two_customers(hearth: Hearth) -> None:
    made = [(await add(hearth, externalId=name)).json()["id"] for name in ("one", "two")]

    assert len(set(made)) == 2
    await admin(hearth, "DELETE", f"/connections/{made[0]}")
    assert (await balance(hearth, made[1])).status_code == 200


API_URLS = [
    "http://api.infobip.com",
    "https://evil.example",
    "https://api.infobip.com.evil.example",
    "https://user@api.infobip.com",
    "https://api.infobip.com/exchange/1/oauth",
    "https://api.infobip.com/..",
    "https://api.infobip.com?x=1",
    "https://api.infobip.com:8443",
    "//api.infobip.com",
    "https://api.infobip.com\\@evil.example",
    "http://127.0.0.1:1",
    "",
    "x",
]


async def test_a_key_goes_to_infobips_hosts_alone(hearth: Hearth) -> None:
    for api_url in API_URLS:
        answer = await add(hearth, apiUrl=api_url, check=False)

        assert (answer.status_code, answer.json()["code"]) == (400, "api_url_refused"), api_url
    assert await count_stored(hearth) == 0


async def test_a_personal_host_is_fine(hearth: Hearth) -> None:
    answer = await add(hearth, apiUrl="https://3vzg6v.api.infobip.com/", check=False)

    assert answer.json()["apiUrl"] == "https://3vzg6v.api.infobip.com"


# --- what is malformed, and that it is never repeated ---------------------------------------


def bodies() -> list[bytes]:
    good = {"type": "apiKey", "apiKey": CANARY, "check": False}
    wrong: list[Any] = [
        CANARY,
        [CANARY],
        {},
        {"type": "apiKey"},
        {"apiKey": CANARY},
        {**good, "type": "oauth"},
        {**good, "type": CANARY},
        {**good, "apiKey": f"App {CANARY}"},
        {**good, "apiKey": CANARY + "\n"},
        {**good, "apiKey": CANARY + "ž"},
        {**good, "apiKey": CANARY * 8},
        {**good, "apiKey": [CANARY]},
        {**good, "apiKey": {CANARY: CANARY}},
        {**good, "apiKey": ""},
        {**good, "apiKey": None},
        {**good, "api_key": CANARY},
        {**good, CANARY: CANARY},
        {**good, "apiUrl": CANARY * 8},
        {**good, "apiUrl": 7},
        {**good, "externalId": ""},
        {**good, "externalId": CANARY + "\x00"},
        {**good, "externalId": "x" * 201},
        {**good, "externalId": "\ud800"},
        {**good, "label": CANARY * 8},
        {**good, "label": {"a": CANARY}},
        {**good, "check": CANARY},
        {**good, "check": "yes"},
        {**good, "check": 1},
        {**good, "accountKey": "x"},
        {**good, "status": "active"},
    ]
    return [
        *(json.dumps(body).encode() for body in wrong),
        b"",
        b"null",
        f'{{"type": "apiKey", "apiKey": "{CANARY}"'.encode(),
        f'{{"type": "apiKey", "apiKey": "{CANARY}", }}'.encode(),
        f'{{"type": "apiKey", "apiKey": {CANARY}}}'.encode(),
        f"apiKey={CANARY}".encode(),
        b"[" * 5_000,
        b"\xff\xfe",
        b'{"type": "\xff", "apiKey": "x"}',
    ]


async def test_what_is_malformed_is_told_without_repeating_it(
    hearth: Hearth, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for body in bodies():
        answer = await admin(hearth, "POST", "/connections", content=body, params={}, secret=WRITER)
        typed = await hearth.http.post(
            f"{hearth.url}/admin/connections",
            content=body,
            headers={"authorization": f"Bearer {WRITER}", "content-type": "application/json"},
        )
        for one in (answer, typed):
            assert one.status_code in (400, 422), (body, one.text)
            assert one.json()["code"] == "malformed_request"
            assert one.headers["content-type"] == "application/problem+json"
            assert CANARY not in one.text
    written = "".join(capfd.readouterr()) + caplog.text
    assert await count_stored(hearth) == 0
    assert "admin=writer" in written
    assert CANARY not in written
    assert WRITER not in written


async def test_a_body_that_is_too_large_is_not_read_to_its_end(hearth: Hearth) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"[" * 100_000

    for content in (b"[" * 1_000_001, pieces()):
        answer = await hearth.http.post(
            f"{hearth.url}/admin/connections",
            content=content,
            headers={"authorization": f"Bearer {WRITER}", "content-type": "application/json"},
        )

        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert answer.headers["content-type"] == "application/problem+json"


# --- where the key is, and where it is not --------------------------------------------------


async def test_a_key_is_in_no_answer_no_log_and_sealed_in_the_database(
    hearth: Hearth, capfd: pytest.CaptureFixture[str]
) -> None:
    made = await add(hearth, label="Cycles")
    refused = await add(hearth, CANARY)
    answers = [
        made,
        refused,
        await admin(hearth, "GET", "/connections"),
        await admin(hearth, "GET", f"/connections/{made.json()['id']}"),
        await admin(hearth, "GET", "/audit"),
        await balance(hearth, made.json()["id"]),
        await admin(hearth, "DELETE", f"/connections/{made.json()['id']}"),
    ]
    kept = (await add(hearth)).json()["id"]
    dump = ""
    for table in ("connections", "tokens", "audit"):
        dump += str(await scalar(hearth, f"SELECT json_agg(t)::text FROM {table} t"))
        dump += str(await scalar(hearth, f"SELECT string_agg(t::text, ' ') FROM {table} t"))
    written = "".join(capfd.readouterr())

    assert kept in dump
    assert "api_key_check_failed" in written
    for secret in (API_KEY_CYCLES, CANARY, OPS, WRITER, BACKEND):
        assert secret not in dump
        assert secret.encode().hex() not in dump
        assert secret not in written
        for answer in answers:
            assert secret not in answer.text
            assert secret not in str(answer.headers)


async def test_the_key_is_sealed_for_its_own_row(hearth: Hearth) -> None:
    ours, theirs = [
        (await add(hearth, key)).json()["id"] for key in (API_KEY_CYCLES, API_KEY_CLINIC)
    ]
    async with hearth.process.database.transaction() as tx:
        await tx.exec_driver_sql(
            "UPDATE connections SET sealed_api_key = "
            f"(SELECT sealed_api_key FROM connections WHERE id = '{theirs}') WHERE id = '{ours}'"
        )

    answer = await balance(hearth, ours)

    assert (answer.status_code, answer.json()["code"]) == (409, "connection_lost")
    assert (await balance(hearth, theirs)).json()["currency"] == "USD"


# --- using it -------------------------------------------------------------------------------


def leading_to(url: str) -> dict[str, Any]:
    """Settings of an Infobip at this address."""
    host = url.removeprefix("http://")
    return {"api_url": url, "api_hosts": (host,)}


async def test_keys_of_two_accounts_do_not_mix(hearth: Hearth) -> None:
    cycles, clinic = [
        (await add(hearth, key)).json()["id"] for key in (API_KEY_CYCLES, API_KEY_CLINIC)
    ]
    for _ in range(2):
        assert (await balance(hearth, cycles)).json() == {"balance": 47.79, "currency": "EUR"}
        assert (await balance(hearth, clinic)).json() == {"balance": 1203.5, "currency": "USD"}


async def test_a_call_goes_to_the_connections_own_host_with_the_key_and_nothing_of_ours(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    upstream, allow = Upstream(), tuple(f"{method} /x/**" for method in METHODS)
    async with serving(upstream, free_socket()) as url:
        hosts = (url.removeprefix("http://"), vendor.url.removeprefix("http://"))
        async with start_hearth(
            web={**WEB, "gateway_allow": allow}, infobip={"api_hosts": hosts}
        ) as hearth:
            made = (await add(hearth, apiUrl=url, check=False)).json()["id"]
            answer = await hearth.http.post(
                f"{hearth.url}/admin/connections/{made}/infobip/x/a%20b/%C5%BE?q=a%2Fb&q=c",
                content=b"\x00\xfe",
                headers={
                    "authorization": f"Bearer {BACKEND}",
                    "cookie": "__Host-hearth-session=x",
                    "x-hearth": "1",
                    "x-agent-id": "agent-7",
                    "content-type": "application/x-thing",
                },
            )

    request, body = upstream.last
    assert answer.status_code == 200
    assert (request.method, body) == ("POST", b"\x00\xfe")
    assert request.scope["raw_path"] == b"/x/a%20b/%C5%BE"
    assert request.scope["query_string"] == b"q=a%2Fb&q=c"
    assert request.headers.getlist("authorization") == [f"App {API_KEY_CYCLES}"]
    assert request.headers["x-agent-id"] == "agent-7"
    assert not {"cookie", "x-hearth"} & set(request.headers)


async def test_a_persons_connection_can_be_used_by_the_backend_as_well(
    hearth: Hearth, vendor: Vendor
) -> None:
    await signed_in(hearth, vendor)
    (person,) = (await admin(hearth, "GET", "/connections")).json()["items"]

    assert (await balance(hearth, person["id"])).json() == {"balance": 47.79, "currency": "EUR"}
    await admin(hearth, "DELETE", f"/connections/{person['id']}")
    answer = await balance(hearth, person["id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "connection_lost")
    assert answer.json()["reconnectUrl"] == f"{hearth.url}/connect"


async def test_the_backend_may_call_what_is_listed_and_nothing_else(
    hearth: Hearth, vendor: Vendor
) -> None:
    made = (await add(hearth)).json()["id"]
    before = await vendor.count("apiCalls")
    for method, path in (
        ("POST", "/account/1/balance"),
        ("GET", "/account/1/balance/extra"),
        ("GET", "/people/2/oauth"),
        ("GET", "/api/amg/exchange/1/apps/x/oauth"),
        ("POST", "/exchange/1/oauth/token"),
    ):
        answer = await admin(hearth, method, f"/connections/{made}/infobip{path}", secret=BACKEND)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert await vendor.count("apiCalls") == before


async def test_a_path_in_disguise_gets_no_further_than_us(hearth: Hearth, vendor: Vendor) -> None:
    made = (await add(hearth)).json()["id"]
    other = (await add(hearth, API_KEY_CLINIC)).json()["id"]
    before = await vendor.count("apiCalls")
    good = f"/admin/connections/{made}/infobip/account/1/balance"
    for path in (
        f"/admin/connections/{made}/infobip/people/2/../../account/1/balance",
        f"/admin/connections/{made}/infobip/people/2/%2e%2e/x",
        f"/admin/connections/{made}/infobip/people/2/a%2fb",
        f"/admin/connections/{made}/infobip/people/2/a%252e",
        f"/admin/connections/{made}/infobip/people/2/..;/x",
        f"/admin/connections/{made}/infobip//account/1/balance",
        f"/admin/connections/{made}/infobip",
        f"/admin/connections/{made}/infobip/",
        f"/admin/connections/{made}%2finfobip/account/1/balance",
        f"/admin/connections/{made}/infobip%2faccount/1/balance",
        f"/admin/connections/{made}/%69nfobip/account/1/balance",
        f"/%61dmin/connections/{made}/infobip/account/1/balance",
        f"/admin/connections/{made}/../{other}/infobip/account/1/balance",
        f"/admin/connections/{made}/infobip/../../{other}/infobip/account/1/balance",
        f"/admin/connections/{made.replace('-', '')}/infobip/account/1/balance",
        f"/admin/connections/urn:uuid:{made}/infobip/account/1/balance",
        f"/admin/connections/%{ord(made[0]):02x}{made[1:]}/infobip/account/1/balance",
        "/admin/connections/x/infobip/account/1/balance",
        "/admin/connections//infobip/account/1/balance",
    ):
        status, code = await raw_get(hearth, path)
        assert (status, code) in [(400, "malformed_request"), (404, "not_found")], path
    assert await vendor.count("apiCalls") == before
    assert await raw_get(hearth, good.upper().replace("/ADMIN", "/admin")) != (200, None)
    assert await raw_get(hearth, good) == (200, None)


async def raw_get(hearth: Hearth, path: str) -> tuple[int, str | None]:
    """A GET whose path is sent to the letter; the status, and the code of a problem."""
    async with wire(hearth.url) as connection:
        head = f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {BACKEND}\r\n\r\n"
        await connection.send(head.encode())
        answer = await connection.answer()
    return answer.status, json.loads(answer.body).get("code")


async def test_a_host_that_is_no_longer_acceptable_gets_no_key(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    """Nor one that somebody wrote into the database."""
    async with start_hearth(web=WEB) as hearth:
        made = (await add(hearth, apiUrl=vendor.url)).json()["id"]
        assert (await balance(hearth, made)).status_code == 200
        async with hearth.process.database.transaction() as tx:
            await tx.exec_driver_sql("UPDATE connections SET api_url = 'https://evil.example'")
        answer = await balance(hearth, made)

    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


async def test_a_disconnect_ends_a_key_at_once_and_for_good(hearth: Hearth, vendor: Vendor) -> None:
    made = (await add(hearth)).json()["id"]
    assert (await balance(hearth, made)).status_code == 200
    before = await vendor.count("apiCalls")

    assert (await admin(hearth, "DELETE", f"/connections/{made}")).status_code == 204
    answer = await balance(hearth, made)

    assert (answer.status_code, answer.json()["code"]) == (409, "connection_lost")
    assert answer.json()["reconnectUrl"] is None
    assert await vendor.count("apiCalls") == before
    assert await scalar(hearth, "SELECT count(sealed_api_key) FROM connections") == 0
    shown = (await admin(hearth, "GET", f"/connections/{made}")).json()
    assert shown["status"] == "disconnected"


async def test_an_unknown_connection_cannot_be_used(hearth: Hearth) -> None:
    answer = await balance(hearth, CONFIGURED_ID)

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_connection")


# --- INFOBIP_API_KEY: no OAuth at all --------------------------------------------------------


async def test_a_private_app_needs_nothing_but_its_key(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    infobip = {**ALONE, "api_key": SecretStr(API_KEY_CYCLES)}
    async with start_hearth(web=WEB, infobip=infobip, refresher=True) as hearth:
        (made,) = (await admin(hearth, "GET", "/connections")).json()["items"]
        used = await balance(hearth, CONFIGURED_ID)
        (entry,) = (await admin(hearth, "GET", "/audit")).json()["items"]

    assert (made["id"], made["label"]) == (str(CONFIGURED_ID), "INFOBIP_API_KEY")
    assert (made["type"], made["status"]) == ("apiKey", "active")
    assert used.json() == {"balance": 47.79, "currency": "EUR"}
    assert (entry["actor"], entry["action"]) == ("settings", "api_key_added")
    assert await vendor.count("apiCalls") == 1


async def test_the_connection_follows_the_setting(start_hearth: StartHearth) -> None:
    seen: list[Any] = []
    keys = (API_KEY_CYCLES, API_KEY_CYCLES, API_KEY_CLINIC, None, None, API_KEY_CYCLES)
    for api_key in keys:
        infobip = {"api_key": SecretStr(api_key) if api_key else None}
        async with start_hearth(web=WEB, infobip=infobip) as hearth:
            answer = await balance(hearth, CONFIGURED_ID)
            seen.append(answer.json().get("currency") or answer.json()["code"])
            record = (await admin(hearth, "GET", "/audit")).json()["items"]
            listed = (await admin(hearth, "GET", "/connections")).json()["items"]
            assert [item["id"] for item in listed] == [str(CONFIGURED_ID)]

    assert seen == ["EUR", "EUR", "USD", "connection_lost", "connection_lost", "EUR"]
    assert [entry["action"] for entry in reversed(record)] == [
        *("api_key_added", "api_key_added", "disconnected", "api_key_added"),
    ]


async def test_without_the_setting_there_is_no_such_connection(hearth: Hearth) -> None:
    assert (await balance(hearth, CONFIGURED_ID)).status_code == 404
    assert await count_stored(hearth) == 0


async def test_without_oauth_nobody_signs_in_and_it_is_said_why(start_hearth: StartHearth) -> None:
    infobip = {**ALONE, "api_key": SecretStr(API_KEY_CYCLES)}
    async with start_hearth(web=WEB, infobip=infobip) as hearth:
        for path in ("/context-card?state=x", "/settings?state=x", "/connect"):
            answer = await hearth.browser().get(path)
            assert answer.status_code == 404, path
            assert "oauth_not_configured" in answer.text


async def test_a_process_serves_with_a_key_alone_and_has_nothing_to_refresh(
    vendor: Vendor, database_url: str, http: httpx.AsyncClient
) -> None:
    port = free_port()
    environment = {
        "PUBLIC_URL": f"http://localhost:{port}",
        "DATABASE_URL": database_url,
        "ENCRYPTION_KEYS": generate_key(),
        "ADMIN_KEYS": f"backend:{BACKEND}:credentials,reader:{READER}:read",
        "GATEWAY_ALLOW": "GET /account/1/balance",
        "INFOBIP_API_KEY": API_KEY_CLINIC,
        "INFOBIP_API_URL": vendor.url,
        "INFOBIP_API_HOSTS": vendor.url.removeprefix("http://"),
    }
    address = f"http://localhost:{port}/admin/connections/{CONFIGURED_ID}/infobip/account/1/balance"

    wrong = {"INFOBIP_API_KEY": CANARY}

    async def serves() -> bool:
        try:
            answer = await http.get(address, headers={"authorization": f"Bearer {BACKEND}"})
        except httpx.TransportError:
            return False
        assert answer.json() == {"balance": 1203.5, "currency": "USD"}
        return True

    with hearth_process("serve", "--port", str(port), environment=environment) as process:
        await eventually(serves, because="\n".join(process.lines))
        with (
            hearth_process("refresher", environment=environment) as idle,
            hearth_process("check", environment=environment) as check,
            hearth_process("check", environment=environment | wrong) as wrong_check,
        ):
            assert await idle.wait() == 1
            assert await check.wait() == 0, check.lines
            assert await wrong_check.wait() == 1
        assert await process.end() == 0

    assert idle.lines[-1].startswith("There is nothing to refresh: INFOBIP_CLIENT_ID is not set")
    assert "Infobip: ok" in check.lines
    assert [line for line in wrong_check.lines if line.startswith("Infobip: INFOBIP_API_KEY is ")]
    for line in process.lines + idle.lines + check.lines + wrong_check.lines:
        for secret in (API_KEY_CLINIC, BACKEND, READER, CANARY):
            assert secret not in line
