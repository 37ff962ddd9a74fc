"""The settings of accounts: shared, versioned, judged, and never overwritten unseen."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.models.audit import Action
from app.models.event import Event, EventType, Sought
from app.store.audit import AuditStore
from app.store.outbox import OutboxStore
from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, READER, WRITER, admin
from tests.support.gateway import signed_in
from tests.support.user_agent import UserAgent
from tests.support.vendor import Vendor

pytestmark = pytest.mark.anyio

SCHEMA = {
    "type": "object",
    "properties": {
        "greeting": {"type": "string", "maxLength": 20},
        "queues": {"type": "array", "items": {"type": "integer"}},
    },
    "additionalProperties": False,
}


async def save(browser: UserAgent, document: object, **headers: str) -> httpx.Response:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return await browser.api("PUT", "/settings", content=content, **headers)


@pytest.fixture
async def browser(hearth: Hearth, vendor: Vendor) -> UserAgent:
    return await signed_in(hearth, vendor)


async def other_user_of_the_account(hearth: Hearth, vendor: Vendor) -> UserAgent:
    users = (await vendor.snapshot())["users"]
    return await user_with(hearth, vendor, lambda u: u["accountKey"] == users[0]["accountKey"])


async def user_with(hearth: Hearth, vendor: Vendor, fits: Any) -> UserAgent:
    """Somebody else than the first user of the sandbox."""
    users = (await vendor.snapshot())["users"]
    number = next(n for n, user in enumerate(users) if n and fits(user))
    browser = hearth.browser()
    await browser.sign_in(f"/settings?state={await vendor.state(user=number)}")
    return browser


# --- reading and saving -----------------------------------------------------------------------


async def test_an_account_shares_its_settings_and_another_one_does_not_see_them(
    hearth: Hearth, vendor: Vendor, browser: UserAgent
) -> None:
    first = await browser.api("GET", "/settings")
    assert (first.status_code, first.content) == (200, b"{}")
    assert first.headers["content-type"] == "application/json"
    assert not first.headers["etag"].startswith("W/")
    document = b'{"greeting":"\\u00e9\xc5\xbe",  "n":12345678901234567890.50}'

    saved = await save(browser, document, if_match=first.headers["etag"])

    assert (saved.status_code, saved.content) == (200, document)
    colleague = await other_user_of_the_account(hearth, vendor)
    seen = await colleague.api("GET", "/settings")
    assert (seen.content, seen.headers["etag"]) == (document, saved.headers["etag"])
    account = (await vendor.user())["accountKey"]
    stranger = await user_with(hearth, vendor, lambda user: user["accountKey"] != account)
    assert (await stranger.api("GET", "/settings")).content == b"{}"


async def test_who_saves_what_somebody_else_has_changed_learns_of_it(
    hearth: Hearth, vendor: Vendor, browser: UserAgent
) -> None:
    colleague = await other_user_of_the_account(hearth, vendor)
    read = (await browser.api("GET", "/settings")).headers["etag"]
    theirs = await save(colleague, {"n": 1}, if_match=read)

    refused = await save(browser, {"n": 2}, if_match=read)

    assert (refused.status_code, refused.json()["code"]) == (412, "settings_changed")
    assert refused.headers["etag"] == theirs.headers["etag"]
    assert (await browser.api("GET", "/settings")).json() == {"n": 1}
    again = await save(browser, {"n": 2}, if_match=refused.headers["etag"])
    assert again.status_code == 200


async def test_of_many_who_save_at_once_exactly_one_succeeds(browser: UserAgent) -> None:
    etag = (await browser.api("GET", "/settings")).headers["etag"]
    for _ in range(2):
        answers = await asyncio.gather(
            *(save(browser, {"n": number}, if_match=etag) for number in range(10))
        )
        saved = [answer for answer in answers if answer.status_code == 200]
        assert len(saved) == 1
        assert {answer.status_code for answer in answers} == {200, 412}
        assert (await browser.api("GET", "/settings")).content == saved[0].content
        etag = saved[0].headers["etag"]


async def test_nothing_is_overwritten_by_who_does_not_say_what(browser: UserAgent) -> None:
    first = await save(browser, {"n": 1})
    assert first.status_code == 200, "there was nothing that could have been lost"

    refused = await save(browser, {"n": 2})
    assert (refused.status_code, refused.json()["code"]) == (428, "precondition_required")
    assert refused.headers["etag"] == first.headers["etag"]
    assert (await save(browser, {"n": 2}, if_none_match="*")).status_code == 412
    assert (await browser.api("GET", "/settings")).json() == {"n": 1}
    assert (await save(browser, {"n": 2}, if_match="*")).status_code == 200


async def test_a_star_matches_only_what_was_saved(browser: UserAgent) -> None:
    assert (await save(browser, {}, if_match="*")).status_code == 412
    assert (await save(browser, {}, if_none_match="*")).status_code == 200
    answers = await asyncio.gather(*(save(browser, {"n": n}, if_match="*") for n in range(3)))
    assert [answer.status_code for answer in answers] == [200, 200, 200]


async def test_tags_are_compared_strongly_and_are_good_for_one_account(
    hearth: Hearth, vendor: Vendor, browser: UserAgent
) -> None:
    account = (await vendor.user())["accountKey"]
    stranger = await user_with(hearth, vendor, lambda user: user["accountKey"] != account)
    theirs = (await save(stranger, {"n": 1})).headers["etag"]
    ours = (await save(browser, {"n": 1})).headers["etag"]

    assert theirs.split("-")[0] == ours.split("-")[0]
    assert (await save(browser, {}, if_match=theirs)).status_code == 412
    assert (await save(browser, {}, if_match=f"W/{ours}")).status_code == 412
    assert (await save(browser, {}, if_match="nonsense")).status_code == 400
    assert (await save(browser, {}, if_match=f'"x", {ours}')).status_code == 200


async def test_what_the_page_has_already_is_not_sent_again(browser: UserAgent) -> None:
    etag = (await save(browser, {"n": 1})).headers["etag"]
    answer = await browser.api("GET", "/settings", if_none_match=etag)

    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)


# --- what may be saved, and by whom -----------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [b"", b"nonsense", b"[]", b"null", b'"x"', b'{"a":NaN}', b'{"a":"\xff"}', b"[" * 5000],
)
async def test_what_is_no_json_object_is_malformed(browser: UserAgent, document: bytes) -> None:
    answer = await save(browser, document)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")
    assert (await browser.api("GET", "/settings")).content == b"{}"


async def test_settings_have_a_size_limit_a_schema_and_roles(
    start_hearth: StartHearth, vendor: Vendor, tmp_path: Path
) -> None:
    schema = tmp_path / "settings.schema.json"
    schema.write_text(json.dumps(SCHEMA))
    role = (await vendor.user())["roles"][0]
    pages = {
        "settings_schema": schema,
        "settings_max_bytes": 200,
        "settings_write_roles": ("No such role", str(role["id"])),
    }
    async with start_hearth(pages=pages) as hearth:
        browser = await signed_in(hearth, vendor)
        form = (await browser.api("GET", "/settings/schema")).json()
        assert form == {"schema": SCHEMA, "writable": True}

        wrong = await save(browser, {"greeting": 7, "queues": [1, "x"], "other": 1})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "settings_invalid")
        faults = {fault["pointer"]: fault["problem"] for fault in wrong.json()["errors"]}
        assert set(faults) == {"/greeting", "/queues/1", ""}
        assert "string" in faults["/greeting"]

        assert (await save(browser, {"greeting": "x" * 200})).status_code == 413
        assert (await save(browser, {"greeting": "hello"})).status_code == 200

        outsider = await user_with(
            hearth, vendor, lambda user: role["id"] not in [r["id"] for r in user["roles"] or []]
        )
        assert not (await outsider.api("GET", "/settings/schema")).json()["writable"]
        refused = await save(outsider, {"greeting": "no"}, if_match="*")
        assert (refused.status_code, refused.json()["code"]) == (403, "role_required")


async def test_settings_need_a_session_and_our_own_page(hearth: Hearth, browser: UserAgent) -> None:
    for path in ("/settings", "/settings/schema"):
        assert (await hearth.browser().api("GET", path)).status_code == 401
        assert (await browser.request("GET", f"/api{path}")).status_code == 403
    forged = await browser.request("PUT", "/api/settings", content=b"{}")
    assert forged.status_code == 403


# --- the operator's view ----------------------------------------------------------------------


@pytest.fixture
async def administered(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    async with start_hearth(web={"admin_keys": ADMIN_KEYS}) as running:
        yield running


async def test_the_operator_sees_the_last_twenty_versions_and_who_saved_them(
    administered: Hearth, vendor: Vendor
) -> None:
    user = await vendor.user()
    path = f"/accounts/{user['accountKey']}/settings"
    nothing = (await admin(administered, "GET", path, secret=READER)).json()
    assert (nothing["version"], nothing["document"], nothing["savedBy"]) == (0, {}, None)
    browser = await signed_in(administered, vendor)
    await save(browser, {"n": 1})
    for number in range(2, 24):
        assert (await save(browser, {"n": number}, if_match="*")).status_code == 200

    latest = (await admin(administered, "GET", path, secret=READER)).json()
    history = (await admin(administered, "GET", f"{path}/history", secret=READER)).json()

    assert (latest["version"], latest["document"]) == (23, {"n": 23})
    assert (latest["savedBy"], latest["username"]) == (user["userKey"], user["username"])
    assert [item["version"] for item in history["items"]] == list(range(23, 3, -1))
    assert history["items"][0] == latest
    refused = await admin(administered, "GET", path, secret=WRITER)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")


async def test_each_save_is_on_record_and_told_without_what_was_saved(
    hearth: Hearth, vendor: Vendor, browser: UserAgent
) -> None:
    async with hearth.process.database.statement() as tx:
        await OutboxStore(tx).want(for_seconds=60)
    await save(browser, {"greeting": "a-canary-of-the-settings"}, if_match="*")
    first = await save(browser, {"greeting": "a-canary-of-the-settings"}, if_none_match="*")
    await save(browser, {}, if_match='"stale"')

    user = await vendor.user()
    about = {"accountKey": user["accountKey"], "userKey": user["userKey"]}
    async with hearth.process.database.statement() as tx:
        recorded = await AuditStore(tx).list_newest(before=None, limit=10)
        told = await OutboxStore(tx).list_newest(Sought(), before=None, limit=10)
    assert first.status_code == 200
    deeds = [one.deed for one in recorded if one.deed.action is Action.SETTINGS_CHANGED]
    assert [deed.details for deed in deeds] == [about | {"version": "1"}]
    assert [one.event for one in told] == [
        Event(EventType.SETTINGS_CHANGED, about | {"version": 1})
    ]
