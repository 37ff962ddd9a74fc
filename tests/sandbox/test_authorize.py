"""Authorize: silent for frames, a question for people, a plain page for mistakes."""

import re

import pytest

from sandbox.authorizations import challenge_of
from tests.sandbox.client import ANA, BEN, SandboxClient, query_of

pytestmark = pytest.mark.anyio

PENDING = re.compile(r'action="/consent/([^"]+)"')


async def open_consent(sandbox: SandboxClient, referer: str | None = None) -> str:
    headers = {"Referer": referer} if referer else {}
    found = PENDING.search((await sandbox.authorize(headers)).text)
    assert found
    return found[1]


async def decide(sandbox: SandboxClient, pending: str, decision: str, user: str = ANA) -> str:
    answer = await sandbox.http.post(
        f"/consent/{pending}", data={"decision": decision, "userKey": user}
    )
    assert answer.status_code in (302, 303), answer.text
    return str(answer.headers["location"])


async def test_an_embedded_state_leads_straight_back_with_a_code(sandbox: SandboxClient) -> None:
    state = await sandbox.state()
    assert re.fullmatch(r"[A-Za-z0-9_-]{16}", state)
    query = query_of(await sandbox.authorize(state=state))
    assert query["state"] == state
    assert re.fullmatch(r"[0-9a-f]{16}", query["code"])


async def test_an_embedded_state_may_come_twice_and_each_gets_its_own_code(
    sandbox: SandboxClient,
) -> None:
    state = await sandbox.state()
    first = query_of(await sandbox.authorize(state=state))["code"]
    second = query_of(await sandbox.authorize(state=state))["code"]
    assert first != second
    assert (await sandbox.exchange(first)).status_code == 200
    assert (await sandbox.exchange(second)).status_code == 200


async def test_a_state_survives_characters_that_need_encoding(sandbox: SandboxClient) -> None:
    await sandbox.log_in()
    state = "a+b/c=d&é %"
    answer = await sandbox.authorize({"Sec-Fetch-Dest": "iframe"}, state=state)
    assert query_of(answer)["state"] == state


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        ({"response_type": None}, "response_type"),
        ({"response_type": "token"}, "response_type"),
        ({"client_id": None}, "client_id"),
        ({"client_id": "short"}, "client_id"),
        ({"client_id": "0" * 32}, "client_id"),
        ({"state": None}, "state"),
        ({"scope": ""}, "scope"),
        ({"redirect_uri": "http://localhost:8000/oauth/callback/"}, "redirect_uri"),
        ({"redirect_uri": "http://evil.example/"}, "redirect_uri"),
        ({"code_challenge": "short"}, "code_challenge"),
        ({"code_challenge_method": "S256"}, "code_challenge"),
        ({"code_challenge": challenge_of("x"), "code_challenge_method": "plain"}, "S256"),
    ],
)
async def test_a_mistake_is_a_plain_page_and_no_redirect(
    sandbox: SandboxClient, overrides: dict[str, str | None], reason: str
) -> None:
    answer = await sandbox.authorize(None, **overrides)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/plain")
    assert reason in answer.text


async def test_a_repeated_parameter_is_a_mistake(sandbox: SandboxClient) -> None:
    answer = await sandbox.http.get("/exchange/1/oauth/authorize?state=a&state=b")
    assert answer.status_code == 400
    assert "twice" in answer.text


async def test_our_own_state_in_a_frame_is_silent_for_whoever_is_logged_in(
    sandbox: SandboxClient,
) -> None:
    await sandbox.log_in(BEN)
    answer = await sandbox.authorize({"Sec-Fetch-Dest": "iframe"})
    body = (await sandbox.exchange(query_of(answer)["code"])).json()
    assert body["userKey"] == BEN


async def test_our_own_state_in_a_frame_without_login_asks_to_log_in(
    sandbox: SandboxClient,
) -> None:
    answer = await sandbox.authorize({"Sec-Fetch-Dest": "iframe"})
    assert answer.status_code == 401
    assert "frame-ancestors *" in answer.headers["content-security-policy"]


async def test_the_login_cookie_is_one_that_a_frame_reached_over_another_site_sends(
    sandbox: SandboxClient,
) -> None:
    cookie = (await sandbox.log_in()).headers["set-cookie"].lower()
    assert "samesite=none" in cookie
    assert "secure" in cookie
    assert "httponly" in cookie


async def test_without_login_the_way_leads_over_the_login_page_to_consent(
    sandbox: SandboxClient,
) -> None:
    page = (await sandbox.authorize()).text
    found = re.search(r'name="authorization" value="([^"]+)"', page)
    assert found
    login = await sandbox.log_in(BEN, authorization=found[1])
    consent = await sandbox.http.get(login.headers["location"])
    assert "Ben Ashworth" in consent.text
    assert await decide(sandbox, found[1], "accept", BEN)


async def test_consent_names_app_user_account_and_scopes(sandbox: SandboxClient) -> None:
    await sandbox.log_in()
    page = (await sandbox.authorize(scope="api_read <b>other</b>")).text
    for shown in ("Hearth", "Ana Kovač", "Riverside Cycles", "api_read", "&lt;b&gt;other"):
        assert shown in page


async def test_consent_puts_scopes_into_words_and_each_once(sandbox: SandboxClient) -> None:
    await sandbox.log_in()
    page = (await sandbox.authorize(scope="api_read conversations  api_read x:new")).text
    assert page.count("Use the API on your behalf") == 1
    assert "Read and write conversations" in page
    assert "Use what this scope allows" in page
    assert "x:new" in page


async def test_accept_leads_back_with_a_code_and_our_state(sandbox: SandboxClient) -> None:
    await sandbox.log_in()
    location = await decide(sandbox, await open_consent(sandbox), "accept")
    assert location.startswith("http://localhost:8000/oauth/callback?code=")
    assert location.endswith("&state=our-own-state")


async def test_cancel_leads_to_the_referring_page_without_an_error(sandbox: SandboxClient) -> None:
    await sandbox.log_in()
    page = "http://localhost:8000/connect?link=abc"
    assert await decide(sandbox, await open_consent(sandbox, page), "cancel") == page


async def test_cancel_can_be_told_to_bring_an_error_to_the_redirect_uri(
    sandbox: SandboxClient,
) -> None:
    await sandbox.log_in()
    pending = await open_consent(sandbox, "http://localhost:8000/connect")
    await sandbox.control("PATCH", "settings", {"declineBehaviour": "error"})
    assert await decide(sandbox, pending, "cancel") == (
        "http://localhost:8000/oauth/callback?error=access_denied&state=our-own-state"
    )


@pytest.mark.parametrize(
    ("referer", "told"),
    [
        (None, "the start page, as the browser told no referring page"),
        ("http://localhost:8000/", "http://localhost:8000/, as the browser told no more"),
        ("http://localhost:8000/go/hidden?link=hidden", "the referring page at"),
        ("http://hidden:hidden@localhost:8000/x", "the referring page at http://localhost:8000"),
    ],
)
async def test_the_log_tells_where_cancel_led_and_why_but_no_path(
    sandbox: SandboxClient, referer: str | None, told: str
) -> None:
    await sandbox.log_in()
    await decide(sandbox, await open_consent(sandbox, referer), "cancel")
    outcome = (await sandbox.control("GET", "log"))[0]["outcome"]
    assert told in outcome
    assert "hidden" not in outcome


@pytest.mark.parametrize("referer", [None, "javascript:alert(1)", "http://[broken", "about:blank"])
async def test_cancel_leads_to_the_start_page_when_there_is_no_referring_page(
    sandbox: SandboxClient, referer: str | None
) -> None:
    await sandbox.log_in()
    assert await decide(sandbox, await open_consent(sandbox, referer), "cancel") == "/"


async def test_a_consent_is_decided_once(sandbox: SandboxClient) -> None:
    await sandbox.log_in()
    pending = await open_consent(sandbox)
    await decide(sandbox, pending, "accept")
    again = await sandbox.http.post(
        f"/consent/{pending}", data={"decision": "accept", "userKey": ANA}
    )
    assert again.status_code == 400


async def test_a_consent_shown_to_one_user_is_not_given_by_another(sandbox: SandboxClient) -> None:
    await sandbox.log_in()
    pending = await open_consent(sandbox)
    await sandbox.log_in(BEN)
    answer = await sandbox.http.post(
        f"/consent/{pending}", data={"decision": "accept", "userKey": ANA}
    )
    assert answer.status_code == 400


async def test_an_open_consent_goes_out_of_date(sandbox: SandboxClient) -> None:
    await sandbox.log_in()
    pending = await open_consent(sandbox)
    await sandbox.advance(901)
    assert (await sandbox.http.get(f"/consent/{pending}")).status_code == 400
