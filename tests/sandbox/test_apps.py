"""Several apps, one of them public: what each may do, and how more are registered."""

import re

import httpx
import pytest

from sandbox import config
from sandbox.authorizations import challenge_of
from tests.sandbox.client import REDIRECT_URI, SandboxClient, frame_of

pytestmark = pytest.mark.anyio

VERIFIER = "a-._~" + "Z9" * 20
CHALLENGE = challenge_of(VERIFIER)


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


async def public_code(sandbox: SandboxClient) -> str:
    return await sandbox.code(client_id=config.PUBLIC_CLIENT_ID, code_challenge=CHALLENGE)


async def public_token(sandbox: SandboxClient) -> str:
    answer = await sandbox.exchange(
        await public_code(sandbox),
        client_id=config.PUBLIC_CLIENT_ID,
        client_secret=None,
        code_verifier=VERIFIER,
    )
    return str(answer.json()["token"])


async def test_the_confidential_app_comes_first_and_a_public_one_second(
    sandbox: SandboxClient,
) -> None:
    first, second = (await sandbox.control("GET", "state"))["apps"]
    assert (first["clientId"], first["public"]) == (config.CLIENT_ID, False)
    assert second == {
        "appId": config.PUBLIC_APP_ID,
        "name": "Hearth without a secret",
        "clientId": config.PUBLIC_CLIENT_ID,
        "clientSecret": None,
        "redirectUri": REDIRECT_URI,
        "signingSecret": config.PUBLIC_SIGNING_SECRET,
        "cardUrl": f"{config.DEFAULT_APP_URL}/context-card",
        "settingsUrl": f"{config.DEFAULT_APP_URL}/settings",
        "public": True,
    }
    assert len({first[name] for name in first} & {second[name] for name in first}) == 3  # the URLs


async def test_a_public_app_is_not_authorized_without_a_challenge(sandbox: SandboxClient) -> None:
    answer = await sandbox.authorize(client_id=config.PUBLIC_CLIENT_ID)
    assert answer.status_code == 400
    assert "code_challenge" in answer.text


async def test_a_public_app_exchanges_with_its_verifier_alone(sandbox: SandboxClient) -> None:
    token = await public_token(sandbox)
    assert (await sandbox.api("GET", "/account/1/balance", token)).status_code == 200


@pytest.mark.parametrize("secret", [config.CLIENT_SECRET, "", "null"])
async def test_a_public_app_that_sends_a_secret_is_refused(
    sandbox: SandboxClient, secret: str
) -> None:
    answer = await sandbox.exchange(
        await public_code(sandbox),
        client_id=config.PUBLIC_CLIENT_ID,
        client_secret=secret,
        code_verifier=VERIFIER,
    )
    assert error_of(answer) == (401, "invalid_client")
    token = await public_token(sandbox)
    refused = await sandbox.refresh(token, client_secret=secret)
    assert error_of(refused) == (401, "invalid_client")


async def test_a_public_app_refreshes_with_its_client_id_or_with_nothing(
    sandbox: SandboxClient,
) -> None:
    token = await public_token(sandbox)
    token = (await sandbox.refresh(token, client_id=config.PUBLIC_CLIENT_ID)).json()["token"]
    assert (await sandbox.refresh(token)).status_code == 200


async def test_a_token_is_renewed_for_the_client_it_was_issued_to(sandbox: SandboxClient) -> None:
    for token, other in (
        (await public_token(sandbox), config.CLIENT_ID),
        (await sandbox.signed_in(), config.PUBLIC_CLIENT_ID),
    ):
        assert error_of(await sandbox.refresh(token, client_id=other)) == (400, "invalid_grant")
        assert (await sandbox.refresh(token)).status_code == 200


async def test_a_token_stays_with_its_client_over_renewals(sandbox: SandboxClient) -> None:
    token = (await sandbox.refresh(await public_token(sandbox))).json()["token"]
    answer = await sandbox.refresh(token, client_id=config.CLIENT_ID)
    assert error_of(answer) == (400, "invalid_grant")


async def test_a_code_of_one_app_cannot_be_exchanged_by_another(sandbox: SandboxClient) -> None:
    code = await public_code(sandbox)
    stolen = await sandbox.exchange(code, code_verifier=VERIFIER)
    assert error_of(stolen) == (400, "invalid_grant")
    code = await sandbox.code(code_challenge=CHALLENGE)
    other = {"client_id": config.PUBLIC_CLIENT_ID, "client_secret": None}
    downgraded = await sandbox.exchange(code, **other, code_verifier=VERIFIER)
    assert error_of(downgraded) == (400, "invalid_grant")


async def test_an_app_that_is_registered_works_from_then_on(sandbox: SandboxClient) -> None:
    answer = await sandbox.http.post("/_sandbox/apps", json={"name": "Loyalty points"})
    app = answer.json()
    assert answer.status_code == 201
    assert re.fullmatch(r"[0-9a-f]{32}", app["clientId"])
    assert re.fullmatch(r"[A-Za-z0-9+/]{43}=", app["clientSecret"])
    assert {"+", "/", "="} <= set(app["clientSecret"])
    assert app["redirectUri"] == REDIRECT_URI
    assert (await sandbox.control("GET", "state"))["apps"][2] == app
    code = await sandbox.code(client_id=app["clientId"])
    exchanged = await sandbox.exchange(
        code, client_id=app["clientId"], client_secret=app["clientSecret"]
    )
    assert exchanged.status_code == 200
    path = f"/api/amg/exchange/1/apps/{app['appId']}/oauth"
    credentials = await sandbox.api("GET", path, exchanged.json()["token"])
    assert credentials.json()["clientId"] == app["clientId"]


async def test_a_new_client_secret_takes_the_place_of_the_old_one_at_once(
    sandbox: SandboxClient,
) -> None:
    token = (await sandbox.exchange(await sandbox.code())).json()["token"]
    app = (await sandbox.http.post(f"/_sandbox/apps/{config.APP_ID}/client-secret")).json()
    assert app["clientSecret"] != config.CLIENT_SECRET

    code = await sandbox.code()
    assert error_of(await sandbox.exchange(code)) == (401, "invalid_client")
    new = {"client_secret": app["clientSecret"]}
    assert (await sandbox.exchange(code, **new)).status_code == 200
    old = {"client_id": config.CLIENT_ID, "client_secret": config.CLIENT_SECRET}
    assert error_of(await sandbox.refresh(token, **old)) == (401, "invalid_client")
    assert (await sandbox.refresh(token, **old | new)).status_code == 200

    public = f"/_sandbox/apps/{config.PUBLIC_APP_ID}/client-secret"
    assert (await sandbox.http.post(public)).status_code == 400


async def test_a_public_app_can_be_registered_with_addresses_of_its_own(
    sandbox: SandboxClient,
) -> None:
    urls = {
        "redirectUri": "https://spa.example/done?from=infobip",
        "cardUrl": "https://spa.example/card?theme=plain",
        "settingsUrl": "https://spa.example/settings",
    }
    app = await sandbox.control("POST", "apps", {"public": True, **urls})
    assert app.items() >= {**urls, "name": "App 3", "public": True, "clientSecret": None}.items()
    answer = await sandbox.authorize(
        client_id=app["clientId"],
        redirect_uri=app["redirectUri"],
        state=await sandbox.state(),
        code_challenge=CHALLENGE,
    )
    assert answer.headers["location"].startswith(f"{app['redirectUri']}&code=")


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": " "},
        {"name": "x" * 61},
        {"public": "yes"},
        {"clientId": "0" * 32},
        {"redirectUri": "javascript:alert(1)"},
        {"redirectUri": "/oauth/callback"},
        {"redirectUri": "http://localhost:8000/#fragment"},
        {"redirectUri": "http://localhost:8000/\r\n"},
        {"redirectUri": "http://localhost:99999/"},
        {"cardUrl": "http://[broken"},
        {"cardUrl": "http://"},
        {"settingsUrl": "data:text/html,x"},
    ],
)
async def test_an_app_that_makes_no_sense_is_not_registered(
    sandbox: SandboxClient, body: object
) -> None:
    assert (await sandbox.http.post("/_sandbox/apps", json=body)).status_code == 422
    assert len((await sandbox.control("GET", "state"))["apps"]) == 2


async def test_apps_are_limited_in_number_and_gone_after_a_reset(sandbox: SandboxClient) -> None:
    answers = [await sandbox.http.post("/_sandbox/apps", json={}) for _ in range(49)]
    assert [answer.status_code for answer in answers] == [201] * 48 + [400]
    assert len((await sandbox.control("POST", "reset"))["apps"]) == 2


async def test_registering_is_logged_without_credentials(sandbox: SandboxClient) -> None:
    app = await sandbox.control("POST", "apps", {"public": True, "name": "Loyalty points"})
    log = await sandbox.http.get("/_sandbox/log")
    assert log.json()[0]["outcome"] == "public app registered: Loyalty points"
    assert app["signingSecret"] not in log.text


async def test_the_web_interface_frames_the_app_that_is_asked_for(sandbox: SandboxClient) -> None:
    urls = {"cardUrl": "https://a.example/card?x=1", "settingsUrl": "https://a.example/settings"}
    app = await sandbox.control("POST", "apps", {"name": "<Loyalty>", **urls})
    page = await sandbox.http.get("/", params={"app": app["appId"]})
    assert "&lt;Loyalty&gt;" in page.text
    assert str(frame_of(page)).startswith("https://a.example/card?x=1&state=")
    page = await sandbox.http.get("/app-settings", params={"app": app["appId"]})
    assert str(frame_of(page)).startswith("https://a.example/settings?state=")


async def test_the_chosen_app_stays_framed_in_this_browser(sandbox: SandboxClient) -> None:
    app = await sandbox.control("POST", "apps", {"cardUrl": "https://a.example/card"})
    await sandbox.http.get("/", params={"app": app["appId"]})
    assert frame_of(await sandbox.http.get("/")).host == "a.example"
    await sandbox.http.get("/", params={"app": config.APP_ID})
    assert frame_of(await sandbox.http.get("/")).host == "localhost"


async def test_an_unknown_or_forgotten_app_gives_way_to_the_first(sandbox: SandboxClient) -> None:
    assert frame_of(await sandbox.http.get("/?app=nope")).host == "localhost"
    app = await sandbox.control("POST", "apps", {"cardUrl": "https://a.example/card"})
    await sandbox.http.get("/", params={"app": app["appId"]})
    await sandbox.control("POST", "reset")
    assert frame_of(await sandbox.http.get("/")).host == "localhost"


async def test_the_app_can_be_switched_without_leaving_the_conversation(
    sandbox: SandboxClient,
) -> None:
    conversation = "0f4e1c52-7b1d-4c7e-9f0a-61d2a3b4c502"
    page = await sandbox.http.get(f"/?conversation={conversation}")
    assert f'<input type="hidden" name="conversation" value="{conversation}">' in page.text
    for app_id in (config.APP_ID, config.PUBLIC_APP_ID):
        assert f'<button name="app" value="{app_id}"' in page.text
