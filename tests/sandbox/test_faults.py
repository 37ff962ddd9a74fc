"""Faults: what each kind does, how often, and that only three of them act."""

import asyncio

import httpx
import pytest

from tests.sandbox.client import SandboxClient, query_of

pytestmark = pytest.mark.anyio


async def test_a_fault_strikes_as_often_as_ordered(sandbox: SandboxClient) -> None:
    token = await sandbox.signed_in()
    await sandbox.order(target="refresh", kind="error500", times=2)
    statuses = [(await sandbox.refresh(token)).status_code for _ in range(3)]
    assert statuses == [500, 500, 200]
    (fault,) = await sandbox.control("GET", "faults")
    assert (fault["struck"], fault["left"]) == (2, 0)


async def test_a_fault_strikes_its_target_only(sandbox: SandboxClient) -> None:
    token = await sandbox.signed_in()
    await sandbox.order(target="refresh", kind="error500")
    assert (await sandbox.exchange(await sandbox.code())).status_code == 200
    assert (await sandbox.api("GET", "/account/1/balance", token)).status_code == 200
    await sandbox.order(target="token", kind="error503")
    assert (await sandbox.exchange(await sandbox.code())).status_code == 503
    assert (await sandbox.refresh(token)).status_code == 503
    await sandbox.order(target="api", kind="error500")
    assert (await sandbox.api("GET", "/account/1/balance", token)).status_code == 500
    assert (await sandbox.refresh(token)).status_code == 200


async def test_a_rate_of_zero_never_strikes_and_a_half_sometimes(sandbox: SandboxClient) -> None:
    await sandbox.order(target="refresh", kind="error500", rate=0)
    assert {(await sandbox.refresh("x")).status_code for _ in range(20)} == {400}
    await sandbox.order(target="refresh", kind="error500", rate=0.5)
    assert {(await sandbox.refresh("x")).status_code for _ in range(100)} == {400, 500}


async def test_throttling_comes_with_and_without_retry_after(sandbox: SandboxClient) -> None:
    await sandbox.order(target="refresh", kind="throttle429")
    answer = await sandbox.refresh("x")
    assert answer.status_code == 429
    assert "retry-after" not in answer.headers
    await sandbox.order(target="refresh", kind="throttle429", retryAfter=7)
    assert (await sandbox.refresh("x")).headers["retry-after"] == "7"


@pytest.mark.parametrize(
    ("kind", "media", "body"),
    [
        ("html", "text/html", "<!doctype"),
        ("text", "text/plain", "upstream"),
        ("empty", "", ""),
        ("noToken", "application/json", '{"tokenType"'),
    ],
)
async def test_an_unintelligible_answer_renews_nothing(
    sandbox: SandboxClient, kind: str, media: str, body: str
) -> None:
    token = await sandbox.signed_in()
    await sandbox.order(target="refresh", kind=kind, times=1)
    answer = await sandbox.refresh(token)
    assert answer.status_code == 200
    assert answer.headers.get("content-type", "").startswith(media)
    assert answer.text.startswith(body)
    assert (await sandbox.refresh(token)).status_code == 200


async def test_an_unintelligible_answer_may_have_another_status(sandbox: SandboxClient) -> None:
    await sandbox.order(target="refresh", kind="html", status=502)
    assert (await sandbox.refresh("x")).status_code == 502


async def test_refuse_fits_the_place_where_it_strikes(sandbox: SandboxClient) -> None:
    token = await sandbox.signed_in()
    await sandbox.order(target="refresh", kind="refuse", times=1)
    assert (await sandbox.refresh(token)).json()["error"] == "invalid_grant"
    await sandbox.order(target="api", kind="refuse", times=1)
    assert (await sandbox.api("GET", "/account/1/balance", token)).status_code == 401
    await sandbox.order(target="authorize", kind="refuse", times=1)
    state = await sandbox.state()
    query = query_of(await sandbox.authorize(state=state))
    assert query == {"error": "access_denied", "state": state}


async def test_slow_is_late_but_right(sandbox: SandboxClient) -> None:
    token = await sandbox.signed_in()
    await sandbox.order(target="refresh", kind="slow", delaySeconds=0.01)
    assert (await sandbox.refresh(token)).status_code == 200


async def test_slow_after_renews_before_it_waits(sandbox: SandboxClient) -> None:
    token = await sandbox.signed_in()
    await sandbox.order(target="refresh", kind="slowAfter", delaySeconds=0.2, times=1)
    slow = asyncio.create_task(sandbox.refresh(token))
    await asyncio.sleep(0.05)
    assert "replaced" in (await sandbox.refresh(token)).json()["error_description"]
    assert not slow.done()
    assert (await slow).status_code == 200


async def test_drop_closes_the_connection_and_renews_nothing(live_sandbox: SandboxClient) -> None:
    token = await live_sandbox.signed_in()
    await live_sandbox.order(target="refresh", kind="drop", times=1)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await live_sandbox.refresh(token)
    assert (await live_sandbox.refresh(token)).status_code == 200


async def test_drop_after_renews_and_loses_the_answer(live_sandbox: SandboxClient) -> None:
    token = await live_sandbox.signed_in()
    await live_sandbox.order(target="refresh", kind="dropAfter", times=1)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await live_sandbox.refresh(token)
    answer = await live_sandbox.refresh(token)
    assert "replaced" in answer.json()["error_description"]
    assert (await live_sandbox.control("GET", "state"))["liveTokens"] == 1


async def test_drop_after_loses_the_answer_of_a_post_that_was_done(
    live_sandbox: SandboxClient,
) -> None:
    token = await live_sandbox.signed_in()
    await live_sandbox.order(target="api", kind="dropAfter", times=1)
    body = {"messages": [{"destinations": [{"to": "41793026727"}], "text": "Once"}]}
    with pytest.raises(httpx.RemoteProtocolError):
        await live_sandbox.api("POST", "/sms/2/text/advanced", token, body)
    assert len(await live_sandbox.control("GET", "messages")) == 1


async def test_hang_never_answers_and_lets_the_client_leave(live_sandbox: SandboxClient) -> None:
    token = await live_sandbox.signed_in()
    await live_sandbox.order(target="refresh", kind="hang", times=1)
    live_sandbox.http.timeout = httpx.Timeout(0.1)
    with pytest.raises(httpx.ReadTimeout):
        await live_sandbox.refresh(token)
    live_sandbox.http.timeout = httpx.Timeout(5)
    assert (await live_sandbox.refresh(token)).status_code == 200


async def test_in_process_a_dropped_connection_is_an_error_of_its_own(
    sandbox: SandboxClient,
) -> None:
    await sandbox.order(target="refresh", kind="drop")
    with pytest.raises(ConnectionResetError):
        await sandbox.refresh("x")


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"target": "refresh"},
        {"target": "moon", "kind": "drop"},
        {"target": "refresh", "kind": "explode"},
        {"target": "refresh", "kind": "drop", "rate": 1.1},
        {"target": "refresh", "kind": "drop", "rate": "1"},
        {"target": "refresh", "kind": "drop", "times": 0},
        {"target": "refresh", "kind": "drop", "times": True},
        {"target": "refresh", "kind": "drop", "often": 1},
        {"target": "refresh", "kind": "drop", "retryAfter": 1},
        {"target": "refresh", "kind": "drop", "status": 500},
        {"target": "refresh", "kind": "slow"},
        {"target": "api", "kind": "noToken"},
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(
    sandbox: SandboxClient, fault: dict[str, object]
) -> None:
    answer = await sandbox.http.put("/_sandbox/faults", json=[fault])
    assert answer.status_code == 422
    assert await sandbox.control("GET", "faults") == []


async def test_faults_can_be_cleared(sandbox: SandboxClient) -> None:
    await sandbox.order(target="refresh", kind="error500")
    assert await sandbox.control("DELETE", "faults") is None
    assert (await sandbox.refresh("x")).status_code == 400
