"""The API calls that an embedded page makes, and both shapes of error."""

import httpx
import pytest

from sandbox import config
from sandbox.world import World
from tests.sandbox.client import LEA, SandboxClient

pytestmark = pytest.mark.anyio

CONVERSATION = "/ccaas/1/conversations/0f4e1c52-7b1d-4c7e-9f0a-61d2a3b4c501"
UNAUTHORIZED = {
    "requestError": {
        "serviceException": {"messageId": "UNAUTHORIZED", "text": "Invalid login details"}
    }
}
SMS_V2 = {
    "messages": [
        {
            "destinations": [{"to": "41793026727"}, {"to": "447700900123"}],
            "from": "InfoSMS",
            "text": "This is a sample message",
        }
    ]
}
SMS_V3 = {
    "messages": [
        {
            "sender": "InfoSMS",
            "destinations": [{"to": "41793026727"}],
            "content": {"text": "Hello"},
        }
    ]
}


def message_id(answer: httpx.Response) -> str:
    return str(answer.json()["requestError"]["serviceException"]["messageId"])


@pytest.mark.parametrize(
    "authorization",
    [None, "", "IBSSO", "IBSSO nope", "Bearer {token}", "ibsso {token}", "App nope", "App {token}"],
)
async def test_who_has_no_valid_login_gets_401(
    sandbox: SandboxClient, authorization: str | None
) -> None:
    token = await sandbox.signed_in()
    headers = {"Authorization": authorization.format(token=token)} if authorization else {}
    answer = await sandbox.http.get("/account/1/balance", headers=headers)
    assert answer.status_code == 401
    assert answer.json() == UNAUTHORIZED


async def test_an_api_key_speaks_for_its_account(sandbox: SandboxClient) -> None:
    for key, balance in ((config.API_KEY_CYCLES, 47.79), (config.API_KEY_CLINIC, 1203.5)):
        answer = await sandbox.http.get(
            "/account/1/balance", headers={"Authorization": f"App {key}"}
        )
        assert answer.json()["balance"] == balance


async def test_a_token_dies_with_its_minute(sandbox: SandboxClient) -> None:
    token = await sandbox.signed_in()
    assert (await sandbox.api("GET", "/account/1/balance", token)).status_code == 200
    await sandbox.advance(60)
    assert (await sandbox.api("GET", "/account/1/balance", token)).status_code == 401


async def test_an_sms_by_v2_is_accepted_and_kept(sandbox: SandboxClient) -> None:
    token = await sandbox.signed_in()
    answer = await sandbox.api("POST", "/sms/2/text/advanced", token, SMS_V2)
    assert [m["to"] for m in answer.json()["messages"]] == ["41793026727", "447700900123"]
    assert answer.json()["messages"][0]["status"] == {
        "groupId": 1,
        "groupName": "PENDING",
        "id": 26,
        "name": "PENDING_ACCEPTED",
        "description": "Message sent to next instance",
    }
    kept = await sandbox.control("GET", "messages")
    assert [m["to"] for m in kept] == ["447700900123", "41793026727"]
    assert kept[0]["text"] == "This is a sample message"
    assert kept[0]["bulkId"] == answer.json()["bulkId"]


async def test_an_sms_by_v3_is_accepted_and_kept(sandbox: SandboxClient) -> None:
    token = await sandbox.signed_in()
    answer = await sandbox.api("POST", "/sms/3/messages", token, SMS_V3)
    assert answer.json()["messages"][0]["destination"] == "41793026727"
    assert len(await sandbox.control("GET", "messages")) == 1


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"messages": []},
        {"messages": [{"text": "x"}]},
        {"messages": [{"destinations": [], "text": "x"}]},
        {"messages": [{"destinations": [{"to": "nobody"}], "text": "x"}]},
        {"messages": [{"destinations": [{"to": "41793026727"}], "text": ""}]},
    ],
)
async def test_a_bad_sms_is_refused_in_the_shape_of_its_api(
    sandbox: SandboxClient, body: object
) -> None:
    token = await sandbox.signed_in()
    older = await sandbox.api("POST", "/sms/2/text/advanced", token, body)
    assert (older.status_code, message_id(older)) == (400, "BAD_REQUEST")
    newer = await sandbox.api("POST", "/sms/3/messages", token, body)
    assert newer.status_code == 400
    assert set(newer.json()) == {"errorCode", "description", "action", "violations", "resources"}
    assert newer.json()["errorCode"] == "E400"
    assert newer.json()["violations"]
    assert await sandbox.control("GET", "messages") == []


async def test_v3_refuses_a_wrong_login_in_its_own_shape(sandbox: SandboxClient) -> None:
    answer = await sandbox.api("POST", "/sms/3/messages", "nope", SMS_V3)
    assert answer.status_code == 401
    assert answer.json()["errorCode"] == "E401"


async def test_a_body_that_is_no_json_is_refused(sandbox: SandboxClient) -> None:
    token = await sandbox.signed_in()
    for content in (b"{", b"\xff", b"[" * 100_000):
        answer = await sandbox.http.post(
            "/sms/2/text/advanced",
            content=content,
            headers={"Authorization": f"IBSSO {token}", "Content-Type": "application/json"},
        )
        assert answer.status_code == 400


async def test_a_conversation_can_be_read(sandbox: SandboxClient) -> None:
    body = (await sandbox.api("GET", CONVERSATION, await sandbox.signed_in())).json()
    assert body["topic"] == "Brake squeal after service"
    assert body["status"] == "OPEN"
    assert body["createdAt"].endswith("Z")


async def test_an_unknown_conversation_is_a_400(sandbox: SandboxClient) -> None:
    token = await sandbox.signed_in()
    for path in ("/ccaas/1/conversations/nope", "/ccaas/1/conversations/nope/messages"):
        answer = await sandbox.api("GET", path, token)
        assert (answer.status_code, message_id(answer)) == (400, "NOT_FOUND")


async def test_another_accounts_conversation_does_not_exist(sandbox: SandboxClient) -> None:
    answer = await sandbox.api("GET", CONVERSATION, await sandbox.signed_in(LEA))
    assert (answer.status_code, message_id(answer)) == (400, "NOT_FOUND")


async def test_messages_come_in_pages(sandbox: SandboxClient) -> None:
    token = await sandbox.signed_in()
    path = f"{CONVERSATION}/messages?limit=2&page=1&orderBy=createdAt:DESC"
    body = (await sandbox.api("GET", path, token)).json()
    assert body["pagination"] == {
        "totalItems": 5,
        "page": 1,
        "limit": 2,
        "orderBy": "createdAt:DESC",
    }
    times = [message["createdAt"] for message in body["messages"]]
    assert len(times) == 2
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=1000", "page=-1", "orderBy=id"])
async def test_bad_paging_is_refused(sandbox: SandboxClient, query: str) -> None:
    token = await sandbox.signed_in()
    answer = await sandbox.api("GET", f"{CONVERSATION}/messages?{query}", token)
    assert (answer.status_code, message_id(answer)) == (400, "BAD_REQUEST")


async def test_a_message_written_by_the_app_appears_in_the_web_interface(
    sandbox: SandboxClient,
) -> None:
    token = await sandbox.signed_in()
    message = {
        "from": "447700900001",
        "to": "447700900123",
        "channel": "SMS",
        "contentType": "TEXT",
        "content": {"text": "See you <soon>"},
    }
    answer = await sandbox.api("POST", f"{CONVERSATION}/messages", token, message)
    assert answer.json()["direction"] == "OUTBOUND"
    page = await sandbox.http.get("/conversations/0f4e1c52-7b1d-4c7e-9f0a-61d2a3b4c501/thread")
    assert "See you &lt;soon&gt;" in page.text
    del message["content"]
    refused = await sandbox.api("POST", f"{CONVERSATION}/messages", token, message)
    assert (refused.status_code, message_id(refused)) == (400, "BAD_REQUEST")


async def test_an_assigned_conversation_wants_its_agent_named(
    sandbox: SandboxClient, world: World
) -> None:
    account = world.directory.accounts[0]
    conversation = world.conversations.of(account)[0]
    conversation.agent_id = "agent-7"
    path = f"/ccaas/1/conversations/{conversation.id}/messages"
    body = {"from": "a", "to": "b", "channel": "SMS", "contentType": "TEXT"}
    headers = {"Authorization": f"App {account.api_key}"}
    message = {**body, "content": {"text": "Hi"}}
    assert (await sandbox.http.post(path, json=message, headers=headers)).status_code == 400
    headers["x-agent-id"] = "agent-7"
    assert (await sandbox.http.post(path, json=message, headers=headers)).status_code == 200


async def test_a_person_is_found_by_phone(sandbox: SandboxClient) -> None:
    token = await sandbox.signed_in()
    path = "/people/2/persons?identifier={}&type=PHONE"
    body = (await sandbox.api("GET", path.format("447700900123"), token)).json()
    assert (body["firstName"], body["city"]) == ("Marta", "Porto")
    assert body["contactInformation"]["phone"] == [{"number": "447700900123"}]
    missing = await sandbox.api("GET", path.format("1"), token)
    assert (missing.status_code, message_id(missing)) == (404, "NOT_FOUND")
    assert (await sandbox.api("GET", "/people/2/persons", token)).status_code == 400


async def test_the_app_credentials_can_be_read_with_a_token(sandbox: SandboxClient) -> None:
    token = await sandbox.signed_in()
    path = "/api/amg/exchange/1/apps/{}/oauth"
    assert (await sandbox.api("GET", path.format(config.APP_ID), token)).json() == {
        "clientId": config.CLIENT_ID,
        "clientSecret": config.CLIENT_SECRET,
        "appId": config.APP_ID,
        "redirectUri": "http://localhost:8000/oauth/callback",
        "signingSecret": config.SIGNING_SECRET,
    }
    assert (await sandbox.api("GET", path.format("nope"), token)).status_code == 404
    assert (await sandbox.http.get(path.format(config.APP_ID))).status_code == 401


async def test_unknown_paths_and_methods_answer_like_the_api(sandbox: SandboxClient) -> None:
    token = await sandbox.signed_in()
    unknown = await sandbox.api("GET", "/no/such/thing", token)
    assert (unknown.status_code, message_id(unknown)) == (404, "NOT_FOUND")
    wrong = await sandbox.api("DELETE", "/account/1/balance", token)
    assert wrong.status_code == 405
    assert "GET" in wrong.headers["allow"]
