"""API keys of private apps: taken in, checked and kept."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import JSONResponse

from sandbox.config import API_KEY_CLINIC, API_KEY_CYCLES
from tests.conftest import Hearth, StartHearth
from tests.support.administration import (
    ADMIN_KEYS,
    BACKEND,
    OPS,
    WRITER,
    add_api_key,
    admin,
    balance,
    count_connections,
    scalar,
)
from tests.support.gateway import Upstream
from tests.support.servers import free_socket, serving
from tests.support.vendor import Vendor

pytestmark = pytest.mark.anyio

WEB = {"admin_keys": ADMIN_KEYS}
CANARY = "c4na12y0c4na12y0c4na12y0c4na12y0-00000000-0000-4000-8000-00000000c4na"


@pytest.fixture
async def hearth(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    """A Hearth with admin keys."""
    async with start_hearth(web=WEB) as running:
        yield running


def leading_to(url: str) -> dict[str, Any]:
    """Settings of an Infobip at this address."""
    host = url.removeprefix("http://")
    return {"api_url": url, "api_hosts": (host,)}


# --- taking one in --------------------------------------------------------------------------


async def test_a_good_key_becomes_a_connection(hearth: Hearth, vendor: Vendor) -> None:
    answer = await add_api_key(
        hearth, externalId="customer-7", label="Cycles", apiUrl=f"{vendor.url}/"
    )

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
    made = (await add_api_key(hearth, externalId="customer-7")).json()

    (entry,) = (await admin(hearth, "GET", "/audit")).json()["items"]
    assert (entry["actor"], entry["action"], entry["connectionId"]) == (
        "writer",
        "api_key_added",
        made["id"],
    )
    assert entry["details"] == {"checked": "true", "externalId": "customer-7"}


async def test_a_key_that_infobip_does_not_know_is_refused(hearth: Hearth) -> None:
    answer = await add_api_key(hearth, CANARY)

    assert (answer.status_code, answer.json()["code"]) == (400, "api_key_refused")
    assert await count_connections(hearth) == 0
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
        answer = await add_api_key(hearth)

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

    answer = await add_api_key(hearth)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers.get("retry-after") == ("7" if status == 503 else None)
    assert await count_connections(hearth) == 0


async def test_an_infobip_that_cannot_be_reached_is_unreachable(
    start_hearth: StartHearth,
) -> None:
    async with start_hearth(web=WEB, infobip=leading_to("http://127.0.0.1:1")) as hearth:
        answer = await add_api_key(hearth)
        stored = await count_connections(hearth)

    assert (answer.status_code, answer.json()["code"]) == (502, "infobip_unreachable")
    assert stored == 0


async def test_without_the_check_infobip_is_not_asked(hearth: Hearth, vendor: Vendor) -> None:
    answer = await add_api_key(hearth, CANARY, check=False)

    assert answer.status_code == 201
    assert await vendor.count("apiCalls") == 0
    (entry,) = (await admin(hearth, "GET", "/audit")).json()["items"]
    assert entry["details"]["checked"] == "false"


async def test_the_same_key_may_serve_two_customers(hearth: Hearth) -> None:
    made = [(await add_api_key(hearth, externalId=name)).json()["id"] for name in ("one", "two")]

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
        answer = await add_api_key(hearth, apiUrl=api_url, check=False)

        assert (answer.status_code, answer.json()["code"]) == (400, "api_url_refused"), api_url
    assert await count_connections(hearth) == 0


async def test_a_personal_host_is_fine(hearth: Hearth) -> None:
    answer = await add_api_key(hearth, apiUrl="https://3vzg6v.api.infobip.com/", check=False)

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
    assert await count_connections(hearth) == 0
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
    made = await add_api_key(hearth, label="Cycles")
    refused = await add_api_key(hearth, CANARY)
    answers = [
        made,
        refused,
        await admin(hearth, "GET", "/connections"),
        await admin(hearth, "GET", f"/connections/{made.json()['id']}"),
        await admin(hearth, "GET", "/audit"),
        await balance(hearth, made.json()["id"]),
        await admin(hearth, "DELETE", f"/connections/{made.json()['id']}"),
    ]
    kept = (await add_api_key(hearth)).json()["id"]
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
        (await add_api_key(hearth, key)).json()["id"] for key in (API_KEY_CYCLES, API_KEY_CLINIC)
    ]
    async with hearth.process.database.transaction() as tx:
        await tx.exec_driver_sql(
            "UPDATE connections SET sealed_api_key = "
            f"(SELECT sealed_api_key FROM connections WHERE id = '{theirs}') WHERE id = '{ours}'"
        )

    answer = await balance(hearth, ours)

    assert (answer.status_code, answer.json()["code"]) == (409, "connection_lost")
    assert (await balance(hearth, theirs)).json()["currency"] == "USD"
