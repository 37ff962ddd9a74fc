"""The control API: steering, looking, and refusing nonsense."""

import pytest

from sandbox import config
from tests.sandbox.client import ANA, BEN, SandboxClient

pytestmark = pytest.mark.anyio


async def test_the_state_tells_what_a_test_needs(sandbox: SandboxClient) -> None:
    await sandbox.refresh(await sandbox.signed_in())
    await sandbox.refresh("nope")
    state = await sandbox.control("GET", "state")
    assert state["counters"] | {"authorizations": 0} == {
        "authorizations": 0,
        "tokenRequests": 3,
        "exchanges": 1,
        "refreshes": 1,
        "refusals": 1,
        "apiCalls": 0,
        "faults": 0,
        "messages": 0,
    }
    assert state["refusals"] == {"unknown": 1}
    assert state["liveTokens"] == 1
    assert state["users"][0]["userKey"] == ANA
    assert len(state["users"]) >= 4
    assert len(state["accounts"]) == 2
    assert state["apps"][0]["clientSecret"] == config.CLIENT_SECRET
    assert state["settings"]["refreshMode"] == "rotate"


async def test_settings_change_only_where_they_are_named(sandbox: SandboxClient) -> None:
    await sandbox.control("PATCH", "settings", {"tokenLifetimeSeconds": 5})
    settings = await sandbox.control("PATCH", "settings", {"refreshMode": "keep"})
    assert settings["tokenLifetimeSeconds"] == 5
    assert settings["refreshMode"] == "keep"
    token = await sandbox.signed_in()
    await sandbox.advance(5)
    assert (await sandbox.refresh(token)).status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"tokenLifetimeSeconds": 0},
        {"tokenLifetimeSeconds": "60"},
        {"tokenLifetimeSeconds": True},
        {"tokenLifetimeSeconds": None},
        {"token_lifetime_seconds": 5},
        {"refreshMode": "sometimes"},
        {"declineBehaviour": "silent"},
        {"latencySeconds": -1},
        {"expiresIn": 1},
        {"nonsense": 1},
        [],
        "x",
    ],
)
async def test_settings_that_make_no_sense_change_nothing(
    sandbox: SandboxClient, changes: object
) -> None:
    before = (await sandbox.control("GET", "state"))["settings"]
    answer = await sandbox.http.patch("/_sandbox/settings", json=changes)
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert (await sandbox.control("GET", "state"))["settings"] == before


async def test_a_refusal_does_not_echo_what_was_sent(sandbox: SandboxClient) -> None:
    for body in (b'{"refreshMode": "hidden"}', b'{"\\ud800": 1}', b'{"latencySeconds": NaN}'):
        answer = await sandbox.http.patch(
            "/_sandbox/settings", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422
        assert set(answer.json()["detail"][0]) == {"type", "loc", "msg"}
        assert "hidden" not in answer.text


async def test_the_clock_goes_forward_only(sandbox: SandboxClient) -> None:
    await sandbox.advance(90.5)
    assert (await sandbox.control("GET", "state"))["clock"]["advancedSeconds"] == 90.5
    answer = await sandbox.http.post("/_sandbox/clock", json={"advanceSeconds": -1})
    assert answer.status_code == 422


async def test_the_clock_stays_within_a_century(sandbox: SandboxClient) -> None:
    years = {"advanceSeconds": 315_360_000}
    answers = [
        (await sandbox.http.post("/_sandbox/clock", json=years)).status_code for _ in range(11)
    ]
    assert answers == [200] * 10 + [400]


async def test_states_can_be_made_in_bulk_for_new_users(sandbox: SandboxClient) -> None:
    made = await sandbox.control("POST", "embedded-states", {"count": 3, "newUsers": True})
    assert len({state["userKey"] for state in made["states"]}) == 3
    assert made["state"] == made["states"][0]["state"]
    one = made["states"][2]
    body = (await sandbox.exchange(await sandbox.code(one["userKey"]))).json()
    assert body["accountKey"] == one["accountKey"]


async def test_tokens_can_be_made_in_bulk(sandbox: SandboxClient) -> None:
    made = await sandbox.control("POST", "tokens", {"count": 50, "newUsers": True})
    assert len({token["token"] for token in made["tokens"]}) == 50
    assert (await sandbox.refresh(made["tokens"][49]["token"])).status_code == 200
    assert (await sandbox.control("GET", "state"))["liveTokens"] == 50


async def test_users_can_be_added_to_an_account(sandbox: SandboxClient) -> None:
    account = (await sandbox.control("GET", "state"))["accounts"][1]["accountKey"]
    made = await sandbox.control("POST", "users", {"count": 2, "accountKey": account})
    assert [user["accountKey"] for user in made["users"]] == [account, account]


async def test_revoking_a_user_spares_the_others(sandbox: SandboxClient) -> None:
    ana, ben = await sandbox.signed_in(ANA), await sandbox.signed_in(BEN)
    assert await sandbox.control("POST", "tokens/revoke", {"userKey": ANA}) == {"revoked": 1}
    assert "revoked" in (await sandbox.refresh(ana)).json()["error_description"]
    ben = (await sandbox.refresh(ben)).json()["token"]
    assert await sandbox.control("POST", "tokens/revoke", {"all": True}) == {"revoked": 1}
    assert (await sandbox.refresh(ben)).status_code == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("tokens/revoke", {}),
        ("tokens/revoke", {"userKey": ANA, "all": True}),
        ("tokens/revoke", {"userKey": "nobody"}),
        ("tokens", {"userKey": "nobody"}),
        ("tokens", {"clientId": "nobody"}),
        ("users", {"accountKey": "nobody"}),
        ("users", {"userKey": ANA}),
        ("embedded-states", {"userKey": ANA, "newUsers": True}),
    ],
)
async def test_what_does_not_exist_or_contradicts_is_refused(
    sandbox: SandboxClient, path: str, body: object
) -> None:
    answer = await sandbox.http.post(f"/_sandbox/{path}", json=body)
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)


async def test_the_log_tells_the_story_newest_first_without_secrets(
    sandbox: SandboxClient,
) -> None:
    code = await sandbox.code()
    token = (await sandbox.exchange(code)).json()["token"]
    await sandbox.api("GET", "/account/1/balance", token)
    await sandbox.refresh(token)
    answer = await sandbox.http.get("/_sandbox/log?limit=4")
    assert [entry["kind"] for entry in answer.json()] == [
        "refresh",
        "api",
        "exchange",
        "authorize",
    ]
    assert answer.json()[2]["token"] == token[-4:]
    assert answer.json()[2]["user"] == "Ana Kovač"
    for secret in (token, code, config.CLIENT_SECRET):
        assert secret not in answer.text


async def test_live_tokens_are_listed_by_their_tails(sandbox: SandboxClient) -> None:
    token = await sandbox.signed_in()
    token = (await sandbox.refresh(token)).json()["token"]
    (listed,) = await sandbox.control("GET", "tokens")
    assert listed["token"] == token[-4:]
    assert listed["renewals"] == 1
    assert 59 < listed["secondsLeft"] <= 60


async def test_a_reset_begins_anew(sandbox: SandboxClient) -> None:
    token = await sandbox.signed_in()
    await sandbox.advance(10)
    await sandbox.order(target="api", kind="error500")
    await sandbox.control("PATCH", "settings", {"tokenLifetimeSeconds": 5})
    state = await sandbox.control("POST", "reset")
    assert state["liveTokens"] == 0
    assert state["faults"] == []
    assert state["clock"]["advancedSeconds"] == 0
    assert state["settings"]["tokenLifetimeSeconds"] == 60
    assert (await sandbox.refresh(token)).status_code == 400


async def test_pages_of_other_origins_may_not_steer(sandbox: SandboxClient) -> None:
    for origin, status in (("http://evil.example", 403), ("null", 403)):
        answer = await sandbox.http.post("/_sandbox/reset", headers={"Origin": origin})
        assert answer.status_code == status
    own = {"Origin": "http://127.0.0.1:9000"}
    assert (await sandbox.http.post("/_sandbox/reset", headers=own)).status_code == 200


async def test_an_unknown_control_path_is_a_404(sandbox: SandboxClient) -> None:
    answer = await sandbox.http.get("/_sandbox/nothing")
    assert answer.status_code == 404
    assert answer.json() == {"detail": "Not Found"}


async def test_events_are_taken_and_shown_with_their_headers_and_go_with_a_reset(
    sandbox: SandboxClient,
) -> None:
    for number in range(2):
        answer = await sandbox.http.post(
            "/_sandbox/received-events",
            json={"number": number},
            headers={"webhook-id": str(number), "authorization": "secret"},
        )
        assert answer.status_code == 204
    refused = await sandbox.http.post("/_sandbox/received-events", content=b"{")
    assert refused.status_code == 422

    newest, oldest = await sandbox.control("GET", "received-events")
    assert newest["event"] == {"number": 1}
    assert newest["headers"] == {"webhook-id": "1"}
    assert oldest["event"] == {"number": 0}
    await sandbox.control("POST", "reset")
    assert await sandbox.control("GET", "received-events") == []


@pytest.mark.parametrize(
    ("mode", "twice"),
    [("rotate", 0), ("keep", 1), ("extend", 1)],
)
async def test_the_record_of_renewals_tells_which_came_twice_and_what_was_left(
    sandbox: SandboxClient, mode: str, twice: int
) -> None:
    """Where the old token dies at once, the second one is refused instead."""
    await sandbox.control("PATCH", "settings", {"refreshMode": mode})
    token = await sandbox.signed_in()
    await sandbox.advance(40)
    await sandbox.refresh(token)
    await sandbox.advance(1)
    await sandbox.refresh(token)

    renewals = (await sandbox.control("GET", "state"))["renewals"]
    assert renewals["count"] == 1 + twice
    assert renewals["twice"] == twice
    assert 18 < renewals["leastSecondsLeft"] <= 20
    await sandbox.control("DELETE", "renewals")
    renewals = (await sandbox.control("GET", "state"))["renewals"]
    assert renewals == {"count": 0, "twice": 0, "leastSecondsLeft": None}


async def test_a_token_that_goes_on_may_be_renewed_at_half_of_its_life_again_and_again(
    sandbox: SandboxClient,
) -> None:
    await sandbox.control("PATCH", "settings", {"refreshMode": "extend"})
    token = await sandbox.signed_in()
    for _ in range(3):
        await sandbox.advance(30)
        await sandbox.refresh(token)

    renewals = (await sandbox.control("GET", "state"))["renewals"]
    assert (renewals["count"], renewals["twice"]) == (3, 0)
