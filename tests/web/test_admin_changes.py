"""What an operator changes of a connection, and reading what authorises its calls."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from sandbox.config import API_KEY_CYCLES
from tests.conftest import Hearth, StartHearth
from tests.support.administration import (
    ADMIN_KEYS,
    BACKEND,
    READER,
    WRITER,
    add_api_key,
    admin,
)
from tests.support.gateway import signed_in
from tests.support.vendor import Vendor

pytestmark = pytest.mark.anyio


@pytest.fixture
async def hearth(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    """A Hearth with admin keys."""
    async with start_hearth(web={"admin_keys": ADMIN_KEYS}) as running:
        yield running


async def sign_in(hearth: Hearth, vendor: Vendor, *, user: int = 0) -> str:
    """Somebody signs in; the connection's id."""
    state = await vendor.state(user=user)
    await hearth.browser().sign_in(f"/context-card?state={state}")
    return str((await admin(hearth, "GET", "/connections")).json()["items"][0]["id"])


async def record(hearth: Hearth) -> list[dict[str, object]]:
    items: list[dict[str, object]] = (await admin(hearth, "GET", "/audit")).json()["items"]
    return items


# --- changing -------------------------------------------------------------------------------


async def test_what_is_given_is_changed_what_is_left_out_stays_and_null_clears(
    hearth: Hearth,
) -> None:
    id_ = (await add_api_key(hearth, externalId="c-1", label="One")).json()["id"]
    path = f"/connections/{id_}"

    first = await admin(hearth, "PATCH", path, secret=WRITER, json={"label": "Two"})
    second = await admin(
        hearth, "PATCH", path, json={"externalId": None, "apiUrl": "https://x1.api.infobip.com/"}
    )
    third = await admin(hearth, "PATCH", path, json={"apiUrl": None})

    named = [
        tuple(answer.json()[name] for name in ("externalId", "label", "apiUrl"))
        for answer in (first, second, third)
    ]
    assert named == [
        ("c-1", "Two", None),
        (None, "Two", "https://x1.api.infobip.com"),
        (None, "Two", None),
    ]
    assert (await admin(hearth, "GET", path)).json() == third.json()


async def test_a_change_is_on_record_and_nothing_is_when_nothing_changes(hearth: Hearth) -> None:
    id_ = (await add_api_key(hearth)).json()["id"]
    await admin(hearth, "PATCH", f"/connections/{id_}", secret=WRITER, json={"label": "Two"})
    await admin(hearth, "PATCH", f"/connections/{id_}", json={"externalId": "c", "label": None})

    unchanged = await admin(hearth, "PATCH", f"/connections/{id_}", json={})

    changes = [entry for entry in await record(hearth) if entry["action"] == "connection_changed"]
    assert unchanged.status_code == 200
    assert [(entry["actor"], entry["connectionId"], entry["details"]) for entry in changes] == [
        ("ops", id_, {"externalId": "c", "label": ""}),
        ("writer", id_, {"label": "Two"}),
    ]


async def test_one_name_stands_for_one_account_and_several_of_its_users(
    hearth: Hearth, vendor: Vendor
) -> None:
    """Users 0 and 1 of the sandbox are of one account, another is not."""
    users = (await vendor.snapshot())["users"]
    other = next(
        number for number, user in enumerate(users) if user["accountKey"] != users[0]["accountKey"]
    )
    colleague = next(
        number
        for number, user in enumerate(users)
        if number and user["accountKey"] == users[0]["accountKey"]
    )
    first, second, third = [
        await sign_in(hearth, vendor, user=number) for number in (0, colleague, other)
    ]
    body = {"externalId": "customer-1"}

    answers = [
        await admin(hearth, "PATCH", f"/connections/{id_}", json=body)
        for id_ in (first, second, third)
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 409]
    assert answers[2].json()["code"] == "external_id_taken"
    assert (await admin(hearth, "GET", f"/connections/{third}")).json()["externalId"] is None
    again = await admin(hearth, "PATCH", f"/connections/{first}", json=body)
    assert again.status_code == 200


async def test_a_name_is_free_again_when_its_connection_has_ended(
    hearth: Hearth, vendor: Vendor
) -> None:
    users = (await vendor.snapshot())["users"]
    other = next(
        number for number, user in enumerate(users) if user["accountKey"] != users[0]["accountKey"]
    )
    first, second = [await sign_in(hearth, vendor, user=number) for number in (0, other)]
    body = {"externalId": "customer-1"}
    await admin(hearth, "PATCH", f"/connections/{first}", json=body)
    await admin(hearth, "DELETE", f"/connections/{first}")

    assert (await admin(hearth, "PATCH", f"/connections/{second}", json=body)).status_code == 200


async def test_what_cannot_be_is_refused_and_nothing_changes(hearth: Hearth) -> None:
    id_ = (await add_api_key(hearth, label="One")).json()["id"]
    for body, status, code in (
        ({"apiUrl": "https://evil.example", "label": "Two"}, 400, "api_url_refused"),
        ({"apiUrl": "", "label": "Two"}, 400, "api_url_refused"),
        ({"label": ""}, 422, "malformed_request"),
        ({"label": "x" * 201}, 422, "malformed_request"),
        ({"label": 3}, 422, "malformed_request"),
        ({"externalId": "a\x00b"}, 422, "malformed_request"),
        ({"status": "active"}, 422, "malformed_request"),
        ({"username": "somebody"}, 422, "malformed_request"),
        (["label"], 422, "malformed_request"),
    ):
        answer = await admin(hearth, "PATCH", f"/connections/{id_}", json=body)

        assert (answer.status_code, answer.json()["code"]) == (status, code), body
    assert (await admin(hearth, "GET", f"/connections/{id_}")).json()["label"] == "One"
    unknown = await admin(hearth, "PATCH", f"/connections/{uuid4()}", json={"label": "x"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_connection")


# --- reading what authorises -----------------------------------------------------------------


async def test_a_live_token_is_read_with_the_time_it_dies(hearth: Hearth, vendor: Vendor) -> None:
    id_ = await sign_in(hearth, vendor)

    answer = await admin(hearth, "GET", f"/connections/{id_}/token", secret=BACKEND)

    body = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert set(body) == {"authorization", "expiresAt"}
    left = (datetime.fromisoformat(body["expiresAt"]) - datetime.now(UTC)).total_seconds()
    assert 0 < left <= 60
    balance = await hearth.http.get(
        f"{vendor.url}/account/1/balance", headers={"authorization": body["authorization"]}
    )
    assert balance.status_code == 200


async def test_an_api_key_is_read_and_does_not_die(hearth: Hearth) -> None:
    id_ = (await add_api_key(hearth)).json()["id"]

    answer = await admin(hearth, "GET", f"/connections/{id_}/token", secret=BACKEND)

    assert answer.json() == {"authorization": f"App {API_KEY_CYCLES}", "expiresAt": None}


async def test_reading_is_on_record_and_for_its_own_scope_alone(
    hearth: Hearth, vendor: Vendor
) -> None:
    id_ = await sign_in(hearth, vendor)
    path = f"/connections/{id_}/token"
    for secret in (READER, WRITER):
        assert (await admin(hearth, "GET", path, secret=secret)).status_code == 403
    await admin(hearth, "GET", path, secret=BACKEND)

    entry = (await record(hearth))[0]

    assert (entry["actor"], entry["action"], entry["connectionId"], entry["details"]) == (
        "backend",
        "authorization_read",
        id_,
        {},
    )


async def test_without_a_live_token_it_says_where_a_person_connects_again(
    hearth: Hearth, vendor: Vendor
) -> None:
    await signed_in(hearth, vendor)
    id_ = (await admin(hearth, "GET", "/connections")).json()["items"][0]["id"]
    await admin(hearth, "DELETE", f"/connections/{id_}")

    answer = await admin(hearth, "GET", f"/connections/{id_}/token", secret=BACKEND)

    assert (answer.status_code, answer.json()["code"]) == (409, "connection_lost")
    assert answer.json()["reconnectUrl"] == f"{hearth.url}/connect"
    assert (await record(hearth))[0]["action"] != "authorization_read"
