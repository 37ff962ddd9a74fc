"""The gateway for the operator's own backend: with keys, with people's tokens, within limits."""

import json
from collections.abc import AsyncIterator

import pytest

from app.connections.api_keys import CONFIGURED_ID
from sandbox.config import API_KEY_CLINIC, API_KEY_CYCLES
from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, BACKEND, add_api_key, admin, balance, scalar
from tests.support.gateway import METHODS, Upstream, signed_in
from tests.support.servers import free_socket, serving
from tests.support.vendor import Vendor
from tests.support.wire import wire

pytestmark = pytest.mark.anyio

WEB = {"admin_keys": ADMIN_KEYS}


@pytest.fixture
async def hearth(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    """A Hearth with admin keys."""
    async with start_hearth(web=WEB) as running:
        yield running


async def test_keys_of_two_accounts_do_not_mix(hearth: Hearth) -> None:
    cycles, clinic = [
        (await add_api_key(hearth, key)).json()["id"] for key in (API_KEY_CYCLES, API_KEY_CLINIC)
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
            made = (await add_api_key(hearth, apiUrl=url, check=False)).json()["id"]
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
    made = (await add_api_key(hearth)).json()["id"]
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
    made = (await add_api_key(hearth)).json()["id"]
    other = (await add_api_key(hearth, API_KEY_CLINIC)).json()["id"]
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
        made = (await add_api_key(hearth, apiUrl=vendor.url)).json()["id"]
        assert (await balance(hearth, made)).status_code == 200
        async with hearth.process.database.transaction() as tx:
            await tx.exec_driver_sql("UPDATE connections SET api_url = 'https://evil.example'")
        answer = await balance(hearth, made)

    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


async def test_a_disconnect_ends_a_key_at_once_and_for_good(hearth: Hearth, vendor: Vendor) -> None:
    made = (await add_api_key(hearth)).json()["id"]
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
