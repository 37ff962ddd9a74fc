"""`GET /admin/app`: our settings against what Infobip knows of the app."""

from dataclasses import replace
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from app.factory import open_process
from app.security.sealing import generate_key
from sandbox.config import (
    APP_ID,
    CLIENT_ID,
    CLIENT_SECRET,
    PUBLIC_APP_ID,
    PUBLIC_CLIENT_ID,
    SIGNING_SECRET,
)
from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, BACKEND, READER, WRITER, admin
from tests.support.vendor import Vendor

pytestmark = pytest.mark.anyio

WEB = {"admin_keys": ADMIN_KEYS}
RIGHT = {"app_id": APP_ID, "signing_secret": SecretStr(SIGNING_SECRET)}
SECRETS = (CLIENT_SECRET, SIGNING_SECRET)
NOWHERE = "http://127.0.0.1:1"


async def sign_in(start_hearth: StartHearth, vendor: Vendor, *users: int) -> list[str]:
    """Sign these users in, as rightly configured; their connections, which outlive this."""
    connections = []
    async with start_hearth() as hearth:
        for user in users:
            browser = hearth.browser()
            await browser.sign_in(f"/context-card?state={await vendor.state(user=user)}")
            session = (await browser.api("GET", "/session")).json()
            connections.append(str(session["connection"]["id"]))
    return connections


async def check(hearth: Hearth) -> dict[str, Any]:
    """The report, which shows no secret and leaves none in the log."""
    with structlog.testing.capture_logs() as events:
        answer = await admin(hearth, "GET", "/app", secret=READER)
    assert answer.status_code == 200, answer.text
    assert not [secret for secret in SECRETS if secret in answer.text + repr(events)]
    report: dict[str, Any] = answer.json()
    return report


async def check_with(start_hearth: StartHearth, **infobip: Any) -> dict[str, Any]:
    async with start_hearth(web=WEB, infobip={**RIGHT, **infobip}) as hearth:
        return await check(hearth)


async def test_where_all_fits_it_says_so(start_hearth: StartHearth, vendor: Vendor) -> None:
    (connection,) = await sign_in(start_hearth, vendor, 0)

    report = await check_with(start_hearth)

    redirect_uri = (await vendor.snapshot())["apps"][0]["redirectUri"]
    assert report == {
        "appId": APP_ID,
        "checkedWith": connection,
        "ok": True,
        "clientId": {"ours": CLIENT_ID, "infobip": CLIENT_ID, "matches": True},
        "redirectUri": {"ours": redirect_uri, "infobip": redirect_uri, "matches": True},
        "clientSecret": {"configured": True, "matches": True},
        "signingSecret": {"configured": True, "matches": True},
        "findings": [],
    }


async def test_a_redirect_uri_that_is_not_the_registered_one_is_found(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    await sign_in(start_hearth, vendor, 0)

    report = await check_with(start_hearth, redirect_uri="https://other.example/oauth/callback")

    assert report["ok"] is False
    assert report["redirectUri"]["matches"] is False
    (said,) = report["findings"]
    assert "https://other.example/oauth/callback" in said
    assert report["redirectUri"]["infobip"] in said


async def test_the_settings_of_another_app_are_found(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    await sign_in(start_hearth, vendor, 0)
    other = await vendor.register_app(redirectUri="https://other.example/oauth/callback")

    report = await check_with(start_hearth, app_id=other["appId"])

    assert report["ok"] is False
    assert report["clientId"] == {
        "ours": CLIENT_ID,
        "infobip": other["clientId"],
        "matches": False,
    }
    assert report["redirectUri"]["infobip"] == "https://other.example/oauth/callback"
    assert report["clientSecret"] == {"configured": True, "matches": False}
    assert report["signingSecret"] == {"configured": True, "matches": False}
    assert len(report["findings"]) == 4
    assert other["clientSecret"] not in repr(report)
    assert other["signingSecret"] not in repr(report)


async def test_a_wrong_client_secret_is_found(start_hearth: StartHearth, vendor: Vendor) -> None:
    await sign_in(start_hearth, vendor, 0)
    wrong = "wrong" + CLIENT_SECRET[5:]

    report = await check_with(start_hearth, client_secret=SecretStr(wrong))

    assert report["ok"] is False
    assert report["clientSecret"] == {"configured": True, "matches": False}
    assert report["findings"] == [
        "INFOBIP_CLIENT_SECRET is not the app shell's client secret: copy it anew."
    ]
    assert wrong not in repr(report)


async def test_a_secret_for_an_app_that_has_none_is_found(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    await sign_in(start_hearth, vendor, 0)

    report = await check_with(
        start_hearth, app_id=PUBLIC_APP_ID, client_id=PUBLIC_CLIENT_ID, signing_secret=None
    )

    assert report["ok"] is False
    assert report["clientSecret"] == {"configured": True, "matches": False}
    assert "unset it" in report["findings"][0]


async def test_a_missing_secret_of_an_app_that_has_one_is_found(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    await sign_in(start_hearth, vendor, 0)

    report = await check_with(start_hearth, client_secret=None)

    assert report["ok"] is False
    assert report["clientSecret"] == {"configured": False, "matches": False}
    assert report["findings"][0].startswith("INFOBIP_CLIENT_SECRET is not set")


async def test_a_public_app_fits_without_a_secret(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    await sign_in(start_hearth, vendor, 0)
    public = {"app_id": PUBLIC_APP_ID, "client_id": PUBLIC_CLIENT_ID, "client_secret": None}

    report = await check_with(start_hearth, **public, signing_secret=None)

    assert report["ok"] is True
    assert report["clientSecret"] == {"configured": False, "matches": True}
    assert report["signingSecret"] == {"configured": False, "matches": None}


async def test_an_app_id_that_infobip_does_not_know_is_found(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    await sign_in(start_hearth, vendor, 0)

    report = await check_with(start_hearth, app_id="no-such-app")

    assert (report["ok"], report["checkedWith"]) == (False, None)
    assert "knows no app with the id no-such-app" in report["findings"][0]


# --- where it cannot be found out -----------------------------------------------------------


async def test_without_an_app_id_nothing_is_asked(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    await sign_in(start_hearth, vendor, 0)
    before = await vendor.count("apiCalls")

    report = await check_with(start_hearth, app_id=None)

    assert (report["appId"], report["ok"]) == (None, None)
    assert report["findings"][0].startswith("INFOBIP_APP_ID is not set")
    assert await vendor.count("apiCalls") == before


async def test_before_the_first_sign_in_it_says_what_to_do(start_hearth: StartHearth) -> None:
    report = await check_with(start_hearth)

    assert (report["ok"], report["checkedWith"]) == (None, None)
    assert report["clientSecret"] == {"configured": True, "matches": None}
    assert report["clientId"] == {"ours": CLIENT_ID, "infobip": None, "matches": None}
    assert "open the app once in Infobip, then ask again" in report["findings"][0]


async def test_an_app_with_an_api_key_alone_has_nothing_to_compare(
    start_hearth: StartHearth,
) -> None:
    key_alone = {"client_id": None, "client_secret": None, "api_key": SecretStr("key")}

    report = await check_with(start_hearth, **key_alone)

    assert report["ok"] is None
    assert report["findings"] == [
        "INFOBIP_CLIENT_ID is not set: without OAuth there is nothing to compare."
    ]


async def test_a_connection_that_was_ended_is_not_asked_with(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    (connection,) = await sign_in(start_hearth, vendor, 0)
    async with start_hearth(web=WEB, infobip=RIGHT) as hearth:
        await admin(hearth, "DELETE", f"/connections/{connection}")
        report = await check(hearth)

    assert "open the app once" in report["findings"][0]


async def test_the_newest_connection_is_asked_with(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    _, newest = await sign_in(start_hearth, vendor, 0, 1)

    assert (await check_with(start_hearth))["checkedWith"] == newest


async def test_when_one_is_refused_the_next_is_asked_with(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    oldest, _, _ = await sign_in(start_hearth, vendor, 0, 1, 2)
    await vendor.fail({"target": "api", "kind": "refuse", "times": 2})

    report = await check_with(start_hearth)

    assert (report["ok"], report["checkedWith"]) == (True, oldest)


async def test_after_three_refusals_no_further_connection_is_tried(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    await sign_in(start_hearth, vendor, 0, 1, 2, 3)
    await vendor.revoke()
    before = await vendor.count("apiCalls")

    report = await check_with(start_hearth)

    assert await vendor.count("apiCalls") == before + 3
    assert (report["ok"], report["checkedWith"]) == (None, None)
    assert "refused with 401 UNAUTHORIZED" in report["findings"][0]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("error500", "cannot say it now (server_error): ask again later"),
        ("throttle429", "cannot say it now (throttled): ask again later"),
        ("drop", "does not answer (unreachable): check INFOBIP_PORTAL_URL"),
        ("html", "something else than an app (status 200): check INFOBIP_PORTAL_URL"),
        ("empty", "something else than an app (status 200): check INFOBIP_PORTAL_URL"),
    ],
)
async def test_infobip_in_trouble_says_nothing_of_our_settings(
    start_hearth: StartHearth, vendor: Vendor, kind: str, said: str
) -> None:
    await sign_in(start_hearth, vendor, 0)
    await vendor.fail({"target": "api", "kind": kind})

    report = await check_with(start_hearth)

    assert report["ok"] is None
    assert said in report["findings"][0]


async def test_a_portal_that_is_not_there_is_named(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    await sign_in(start_hearth, vendor, 0)

    report = await check_with(start_hearth, portal_url=NOWHERE)

    assert report["ok"] is None
    assert report["findings"] == [
        f"{NOWHERE} does not answer (unreachable): check INFOBIP_PORTAL_URL and network."
    ]


async def test_tokens_under_another_key_are_told_from_no_tokens(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    await sign_in(start_hearth, vendor, 0)
    async with start_hearth(infobip=RIGHT) as hearth:
        keys = {"encryption_keys": (SecretStr(generate_key()),)}
        storage = hearth.settings.storage.model_copy(update=keys)
        async with open_process(replace(hearth.settings, storage=storage)) as process:
            report = await process.app_check.run()

    assert report.ok is None
    assert "ENCRYPTION_KEYS" in report.findings[0]


# --- who may ask ----------------------------------------------------------------------------


async def test_it_takes_a_key_that_may_read(start_hearth: StartHearth) -> None:
    async with start_hearth(web=WEB, infobip=RIGHT) as hearth:
        for secret, status in ((READER, 200), (WRITER, 403), (BACKEND, 403), ("wrong", 401)):
            assert (await admin(hearth, "GET", "/app", secret=secret)).status_code == status
        assert (await hearth.http.get(f"{hearth.url}/admin/app")).status_code == 401
