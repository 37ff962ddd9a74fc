"""The token endpoint: every documented rule."""

import contextlib
import re
import uuid
from dataclasses import replace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import config
from sandbox.app import create_app
from sandbox.authorizations import challenge_of
from sandbox.config import SandboxConfig, default_app
from sandbox.forms import FormError, parse_fields
from tests.sandbox.client import BEN, REDIRECT_URI, SandboxClient

pytestmark = pytest.mark.anyio

VERIFIER = "a-._~" + "Z9" * 20


def refused_with(answer: httpx.Response, error: str, status: int = 400) -> bool:
    assert set(answer.json()) == {"error", "error_description"}
    return (answer.status_code, answer.json()["error"]) == (status, error)


async def test_the_answer_is_the_documented_one(sandbox: SandboxClient) -> None:
    answer = await sandbox.exchange(await sandbox.code())
    body = answer.json()
    assert answer.status_code == 200
    assert uuid.UUID(body.pop("token")).version == 4
    assert body == {
        "tokenType": "IBSSO",
        "accountKey": "8F0792F86035A9F4290821F1EE6BC06A",
        "userKey": "F443BCAEB8517F7159F44D0E8CFE725D",
        "username": "ana.kovac",
        "email": "ana.kovac@cycles.example",
        "locale": "en-US",
        "roles": [{"id": 79, "name": " Manager 1"}, {"id": 1393, "name": " Designer"}],
        "groups": [{"id": 54004, "name": "Group1"}, {"id": 749187, "name": "Group3"}],
    }


async def test_a_user_without_roles_and_groups_has_no_such_fields(sandbox: SandboxClient) -> None:
    body = (await sandbox.exchange(await sandbox.code(BEN))).json()
    assert "roles" not in body
    assert "groups" not in body


async def test_a_code_is_good_once(sandbox: SandboxClient) -> None:
    code = await sandbox.code()
    assert (await sandbox.exchange(code)).status_code == 200
    assert refused_with(await sandbox.exchange(code), "invalid_grant")


async def test_a_code_dies_one_minute_after_it_was_made(sandbox: SandboxClient) -> None:
    in_time, late = await sandbox.code(), await sandbox.code()
    await sandbox.advance(59)
    assert (await sandbox.exchange(in_time)).status_code == 200
    await sandbox.advance(1)
    assert refused_with(await sandbox.exchange(late), "invalid_grant")


async def test_a_code_presented_with_another_redirect_uri_is_used_up(
    sandbox: SandboxClient,
) -> None:
    code = await sandbox.code()
    wrong = await sandbox.exchange(code, redirect_uri=f"{REDIRECT_URI}/")
    assert refused_with(wrong, "invalid_grant")
    assert refused_with(await sandbox.exchange(code), "invalid_grant")


@pytest.mark.parametrize(
    ("overrides", "error", "status"),
    [
        ({"grant_type": None}, "invalid_request", 400),
        ({"grant_type": "password"}, "unsupported_grant_type", 400),
        ({"client_id": None}, "invalid_request", 400),
        ({"client_id": "not-hex"}, "invalid_request", 400),
        ({"client_id": "0" * 32}, "invalid_client", 401),
        ({"client_secret": None}, "invalid_request", 400),
        ({"client_secret": "wrong"}, "invalid_client", 401),
        ({"client_secret": config.CLIENT_SECRET.replace("+", " ")}, "invalid_client", 401),
        ({"redirect_uri": None}, "invalid_request", 400),
        ({"code": "0" * 16}, "invalid_grant", 400),
        ({"code": "xyz"}, "invalid_request", 400),
        ({"code": ""}, "invalid_request", 400),
        ({"code_verifier": VERIFIER}, "invalid_grant", 400),
    ],
)
async def test_every_rule_of_the_exchange_is_kept(
    sandbox: SandboxClient, overrides: dict[str, str | None], error: str, status: int
) -> None:
    code = await sandbox.code()
    answer = await sandbox.exchange(**{"code": code, **overrides})  # type: ignore[arg-type]
    assert refused_with(answer, error, status)


async def test_a_body_that_is_no_form_is_refused(sandbox: SandboxClient) -> None:
    answer = await sandbox.http.post("/exchange/1/oauth/token", json={"grant_type": "x"})
    assert refused_with(answer, "invalid_request", 415)


@pytest.mark.parametrize("body", [b"grant_type=a&grant_type=b", b"a=%ff", b"nothing", b"a=\xff"])
async def test_a_form_that_is_not_clean_is_refused(sandbox: SandboxClient, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    answer = await sandbox.http.post("/exchange/1/oauth/token", content=body, headers=headers)
    assert refused_with(answer, "invalid_request")


async def test_a_huge_form_is_refused(sandbox: SandboxClient) -> None:
    assert refused_with(await sandbox.refresh("x" * 20_000), "invalid_request", 413)


async def test_a_get_is_not_allowed(sandbox: SandboxClient) -> None:
    assert (await sandbox.http.get("/exchange/1/oauth/token")).status_code == 405


async def test_a_challenge_must_be_answered_by_its_verifier(sandbox: SandboxClient) -> None:
    challenge = challenge_of(VERIFIER)
    for verifier, fine in ((VERIFIER, True), ("b" * 43, False), (None, False)):
        code = await sandbox.code(code_challenge=challenge)
        answer = await sandbox.exchange(code, code_verifier=verifier)
        assert (answer.status_code == 200) is fine
    code = await sandbox.code(code_challenge=challenge, code_challenge_method="S256")
    answer = await sandbox.exchange(code, client_secret=None, code_verifier=VERIFIER)
    assert answer.status_code == 200


@pytest.mark.parametrize("verifier", ["123", "a" * 42, "a" * 129, "ä" * 43, "a" * 42 + "\n"])
async def test_a_verifier_has_43_to_128_unreserved_characters(
    sandbox: SandboxClient, verifier: str
) -> None:
    code = await sandbox.code(code_challenge=challenge_of(verifier))
    answer = await sandbox.exchange(code, code_verifier=verifier)
    assert refused_with(answer, "invalid_request")


def test_the_documented_challenge_comes_out() -> None:
    assert challenge_of("123") == "pmWkWSBCL51Bfkhn79xPuKBKHz__H6B-mY6G9_eieuM"


async def test_a_public_app_needs_a_challenge_and_has_no_secret() -> None:
    app = replace(default_app("http://localhost:8000"), client_secret=None)
    transport = httpx.ASGITransport(create_app(SandboxConfig(apps=(app,))))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:9000") as http:
        sandbox = SandboxClient(http)
        assert (await sandbox.authorize(state=await sandbox.state())).status_code == 400
        code = await sandbox.code(code_challenge=challenge_of(VERIFIER))
        with_secret = await sandbox.exchange(code, code_verifier=VERIFIER)
        assert refused_with(with_secret, "invalid_client", 401)
        granted = await sandbox.exchange(code, client_secret=None, code_verifier=VERIFIER)
        token = granted.json()["token"]
        assert (await sandbox.refresh(token, client_id=app.client_id)).status_code == 200


async def test_a_code_of_another_app_is_refused() -> None:
    own = default_app("http://localhost:8000")
    other = replace(own, app_id="other", client_id="f" * 32)
    transport = httpx.ASGITransport(create_app(SandboxConfig(apps=(own, other))))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:9000") as http:
        sandbox = SandboxClient(http)
        code = await sandbox.code()
        assert refused_with(await sandbox.exchange(code, client_id="f" * 32), "invalid_grant")
        assert (await sandbox.exchange(code)).status_code == 200
        token = (await sandbox.exchange(await sandbox.code())).json()["token"]
        assert refused_with(await sandbox.refresh(token, client_id="f" * 32), "invalid_grant")


async def test_a_refresh_needs_the_two_documented_fields_only(sandbox: SandboxClient) -> None:
    token = await sandbox.signed_in()
    body = (await sandbox.refresh(token)).json()
    assert body["userKey"] == "F443BCAEB8517F7159F44D0E8CFE725D"
    assert body["token"] != token


@pytest.mark.parametrize(
    ("overrides", "error", "status"),
    [
        ({"code": None}, "invalid_request", 400),
        ({"code": str(uuid.UUID(int=0))}, "invalid_grant", 400),
        ({"client_id": "0" * 32}, "invalid_client", 401),
        ({"client_secret": "wrong"}, "invalid_client", 401),
    ],
)
async def test_what_a_refresh_sends_must_be_right(
    sandbox: SandboxClient, overrides: dict[str, str | None], error: str, status: int
) -> None:
    token = await sandbox.signed_in()
    assert refused_with(await sandbox.refresh(token, **overrides), error, status)
    assert (await sandbox.refresh(token)).status_code == 200


async def test_a_dead_token_is_not_renewed(sandbox: SandboxClient) -> None:
    token = await sandbox.signed_in()
    await sandbox.advance(60)
    answer = await sandbox.refresh(token)
    assert refused_with(answer, "invalid_grant")
    assert "expired" in answer.json()["error_description"]


async def test_rotate_kills_the_old_token_at_once(sandbox: SandboxClient) -> None:
    old = await sandbox.signed_in()
    new = (await sandbox.refresh(old)).json()["token"]
    assert (await sandbox.api("GET", "/account/1/balance", old)).status_code == 401
    assert (await sandbox.api("GET", "/account/1/balance", new)).status_code == 200
    assert "replaced" in (await sandbox.refresh(old)).json()["error_description"]


async def test_keep_lets_the_old_token_live_out_its_minute(sandbox: SandboxClient) -> None:
    await sandbox.control("PATCH", "settings", {"refreshMode": "keep"})
    old = await sandbox.signed_in()
    await sandbox.advance(30)
    new = (await sandbox.refresh(old)).json()["token"]
    assert new != old
    assert (await sandbox.api("GET", "/account/1/balance", old)).status_code == 200
    await sandbox.advance(30)
    assert (await sandbox.api("GET", "/account/1/balance", old)).status_code == 401
    assert (await sandbox.api("GET", "/account/1/balance", new)).status_code == 200


async def test_extend_gives_the_same_token_more_time(sandbox: SandboxClient) -> None:
    await sandbox.control("PATCH", "settings", {"refreshMode": "extend"})
    token = await sandbox.signed_in()
    await sandbox.advance(30)
    assert (await sandbox.refresh(token)).json()["token"] == token
    await sandbox.advance(59)
    assert (await sandbox.refresh(token)).status_code == 200
    await sandbox.advance(60)
    assert (await sandbox.refresh(token)).status_code == 400


async def test_the_other_spelling_and_the_lifetime_can_be_asked_for(
    sandbox: SandboxClient,
) -> None:
    await sandbox.control("PATCH", "settings", {"responseStyle": "rfc6749", "expiresIn": True})
    body = (await sandbox.exchange(await sandbox.code())).json()
    assert body["token_type"] == "IBSSO"
    assert body["expires_in"] == 60
    assert re.fullmatch(r"[0-9a-f-]{36}", body["access_token"])
    assert "token" not in body


@given(st.binary(max_size=200))
def test_no_body_makes_the_form_parser_stumble(body: bytes) -> None:
    with contextlib.suppress(FormError):
        assert all(isinstance(value, str) for value in parse_fields(body).values())
