"""What we ask Infobip's OAuth endpoints, to the letter."""

import asyncio
import string
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.infobip.errors import (
    ClientRefused,
    GrantRefused,
    InfobipError,
    ServerTrouble,
    Throttled,
    Unintelligible,
)
from app.infobip.oauth import OAuth, OAuthApp
from app.infobip.transport import Transport
from tests.infobip.loopback import Conduct, Loopback, Received, answered, loopback

pytestmark = pytest.mark.anyio

SECRET = "YED8Q0KHeYgQxtjdUkR376Uxu0/zdvwAVZb3ZQ3GGZU+=="
TOKEN = "3d7908aa-7b8c-4c5a-94bf-5cdeef18947b"
ANSWER = b'{"token": "new", "tokenType": "IBSSO", "accountKey": "A", "userKey": "U"}'
APP = OAuthApp(
    client_id="0123456789abcdef0123456789abcdef",
    client_secrets=(SECRET,),
    redirect_uri="https://app.example/oauth/callback?a=1&b=ü",
    scopes=("api_read", "conversations"),
    oauth_url="https://oneapi.infobip.com/exchange/1/oauth",
    token_lifetime_seconds=60,
)


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    async with Transport() as transport:
        yield transport


def at(server: Loopback, app: OAuthApp = APP) -> OAuthApp:
    return replace(app, oauth_url=f"{server.url}/exchange/1/oauth")


def form_of(request: Received) -> dict[str, str]:
    """The form as a server reads it; no field may be there twice."""
    pairs = parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


# --- Authorize --------------------------------------------------------------------------------


async def test_authorize_gets_the_documented_parameters_and_no_others(
    transport: Transport,
) -> None:
    url = urlsplit(OAuth(app=APP, transport=transport).authorize_url(state="WeHH_yy2irpl8UY"))
    assert (url.scheme, url.netloc) == ("https", "oneapi.infobip.com")
    assert url.path == "/exchange/1/oauth/authorize"
    assert parse_qsl(url.query, strict_parsing=True) == [
        ("response_type", "code"),
        ("client_id", "0123456789abcdef0123456789abcdef"),
        ("state", "WeHH_yy2irpl8UY"),
        ("redirect_uri", "https://app.example/oauth/callback?a=1&b=ü"),
        ("scope", "api_read conversations"),
    ]


async def test_scopes_are_separated_by_an_encoded_space_and_not_by_a_plus(
    transport: Transport,
) -> None:
    url = OAuth(app=APP, transport=transport).authorize_url(state="s")
    assert "scope=api_read%20conversations" in url


async def test_the_secret_is_neither_in_the_url_nor_in_a_repr(transport: Transport) -> None:
    assert "client_secret" not in OAuth(app=APP, transport=transport).authorize_url(state="s")
    assert SECRET not in repr(APP)


@settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(state=st.text(string.printable, min_size=1))
@example(state="a&scope=everything#x")
@example(state="a+b %20/..;=?")
async def test_any_state_comes_back_as_it_was_and_adds_nothing(
    transport: Transport, state: str
) -> None:
    url = urlsplit(OAuth(app=APP, transport=transport).authorize_url(state=state))
    assert not url.fragment
    pairs = parse_qsl(url.query, keep_blank_values=True)
    assert [name for name, _ in pairs] == [
        "response_type",
        "client_id",
        "state",
        "redirect_uri",
        "scope",
    ]
    assert dict(pairs)["state"] == state


# --- Token ------------------------------------------------------------------------------------


async def test_an_exchange_sends_what_authorize_got_and_the_secret(transport: Transport) -> None:
    async with loopback(answered(ANSWER)) as server:
        token, identity = await OAuth(app=at(server), transport=transport).exchange(
            "0a1b2c3d", verifier=None
        )
    (request,) = server.received
    assert (request.method, request.target) == ("POST", "/exchange/1/oauth/token")
    assert request.header("content-type") == "application/x-www-form-urlencoded"
    assert request.header("accept") == "application/json"
    assert request.header("authorization") is None
    assert form_of(request) == {
        "grant_type": "authorization_code",
        "client_id": APP.client_id,
        "client_secret": SECRET,
        "code": "0a1b2c3d",
        "redirect_uri": APP.redirect_uri,
    }
    assert token.authorization == "IBSSO new"
    assert (identity.account_key, identity.user_key) == ("A", "U")


async def test_a_challenge_is_added_and_its_method_on_demand_only(transport: Transport) -> None:
    for method in (False, True):
        oauth = OAuth(app=replace(APP, challenge_method=method), transport=transport)
        query = dict(parse_qsl(urlsplit(oauth.authorize_url(state="s", challenge="abc")).query))
        assert query["code_challenge"] == "abc"
        assert query.get("code_challenge_method") == ("S256" if method else None)


async def test_scopes_of_a_link_stand_in_for_the_apps(transport: Transport) -> None:
    url = OAuth(app=APP, transport=transport).authorize_url(state="s", scopes=("a", "b:c"))
    assert url.endswith("&scope=a%20b%3Ac")


async def test_a_public_client_sends_a_verifier_and_no_secret(transport: Transport) -> None:
    async with loopback(answered(ANSWER)) as server:
        oauth = OAuth(app=replace(at(server), client_secrets=()), transport=transport)
        await oauth.exchange("0a1b2c3d", verifier="v" * 43)
        await oauth.refresh(f"IBSSO {TOKEN}", timeout_seconds=20)
    exchange, refresh = (form_of(request) for request in server.received)
    assert exchange["code_verifier"] == "v" * 43
    assert "client_secret" not in exchange
    assert refresh == {"grant_type": "refresh_token", "client_id": APP.client_id, "code": TOKEN}


async def test_a_confidential_client_with_pkce_sends_both(transport: Transport) -> None:
    async with loopback(answered(ANSWER)) as server:
        await OAuth(app=at(server), transport=transport).exchange("0a1b", verifier="v" * 43)
    (request,) = server.received
    assert form_of(request)["code_verifier"] == "v" * 43
    assert form_of(request)["client_secret"] == SECRET


async def test_a_refresh_sends_the_token_as_code_with_the_client(transport: Transport) -> None:
    async with loopback(answered(ANSWER)) as server:
        oauth = OAuth(app=at(server), transport=transport)
        token = await oauth.refresh(f"IBSSO {TOKEN}", timeout_seconds=20)
    (request,) = server.received
    assert (request.method, request.target) == ("POST", "/exchange/1/oauth/token")
    assert request.header("content-type") == "application/x-www-form-urlencoded"
    assert request.header("accept") == "application/json"
    assert request.header("authorization") is None
    assert form_of(request) == {
        "grant_type": "refresh_token",
        "client_id": APP.client_id,
        "client_secret": SECRET,
        "code": TOKEN,
    }
    assert (token.authorization, token.life_seconds) == ("IBSSO new", 60)


async def test_a_minimal_refresh_sends_the_two_documented_fields_alone(
    transport: Transport,
) -> None:
    async with loopback(answered(ANSWER)) as server:
        app = replace(at(server), refresh_fields="minimal")
        oauth = OAuth(app=app, transport=transport)
        await oauth.refresh(f"IBSSO {TOKEN}", timeout_seconds=20)
    (request,) = server.received
    assert form_of(request) == {"grant_type": "refresh_token", "code": TOKEN}


async def test_reserved_characters_of_the_secret_are_encoded(transport: Transport) -> None:
    async with loopback(answered(ANSWER)) as server:
        oauth = OAuth(app=at(server), transport=transport)
        await oauth.exchange("0a1b2c3d", verifier=None)
        await oauth.refresh(f"IBSSO {TOKEN}", timeout_seconds=20)
    encoded = SECRET.replace("/", "%2F").replace("+", "%2B").replace("=", "%3D").encode()
    assert all(encoded in request.body for request in server.received)
    assert len(server.received) == 2


@pytest.mark.parametrize("token", [string.printable.strip(), "a&code=b", "a+b=/%41", "a b"])
async def test_any_token_is_sent_to_the_letter(transport: Transport, token: str) -> None:
    async with loopback(answered(ANSWER)) as server:
        oauth = OAuth(app=at(server), transport=transport)
        await oauth.refresh(f"IBSSO {token}", timeout_seconds=20)
    (request,) = server.received
    assert form_of(request)["code"] == token


@pytest.mark.parametrize(
    ("status", "header", "body", "kind"),
    [
        ("400 x", "x-a: 1", b'{"error": "invalid_grant"}', GrantRefused),
        ("401 x", "x-a: 1", b'{"error": "invalid_client"}', ClientRefused),
        ("401 x", "x-a: 1", b"<html>", Unintelligible),
        ("429 x", "retry-after: 3", b"", Throttled),
        ("502 x", "x-a: 1", b'{"error": "invalid_grant"}', ServerTrouble),
        ("302 x", "location: /login", b"", Unintelligible),
        ("200 x", "x-a: 1", b"{}", Unintelligible),
    ],
)
async def test_a_no_means_the_same_to_exchange_and_refresh(
    transport: Transport, status: str, header: str, body: bytes, kind: type[InfobipError]
) -> None:
    async with loopback(answered(body, header, status=status)) as server:
        oauth = OAuth(app=at(server), transport=transport)
        with pytest.raises(kind) as of_refresh:
            await oauth.refresh(f"IBSSO {TOKEN}", timeout_seconds=20)
        with pytest.raises(kind) as of_exchange:
            await oauth.exchange("0a1b2c3d", verifier=None)
    for error in (of_refresh.value, of_exchange.value):
        assert TOKEN not in str(error)
        assert getattr(error, "retry_after_seconds", 3) == 3
    exchanges = [one for one in server.received if "redirect_uri" in form_of(one)]
    assert len(exchanges) == 1, "a code is good once: nothing may be repeated"


async def test_an_exchange_without_an_identity_is_unintelligible(transport: Transport) -> None:
    async with loopback(answered(b'{"token": "new"}')) as server:
        with pytest.raises(Unintelligible):
            await OAuth(app=at(server), transport=transport).exchange("0a1b2c3d", verifier=None)


# --- the client secret is changed ---------------------------------------------------------------

OLD_AND_NEW = ("old-secret+/=", "new-secret+/=")


def refusing(*secrets: str) -> Conduct:
    """A token endpoint that does not accept these secrets (any more)."""

    async def conduct(request: Received, writer: asyncio.StreamWriter) -> None:
        refused = form_of(request).get("client_secret") in secrets
        body = b'{"error": "invalid_client"}' if refused else ANSWER
        await answered(body, "x-a: 1", status="401 x" if refused else "200 x")(request, writer)

    return conduct


async def test_of_two_secrets_the_first_is_tried_first(transport: Transport) -> None:
    async with loopback(refusing()) as server:
        oauth = OAuth(app=replace(at(server), client_secrets=OLD_AND_NEW), transport=transport)
        await oauth.exchange("0a1b2c3d", verifier=None)
        await oauth.refresh(f"IBSSO {TOKEN}", timeout_seconds=20)
    assert [form_of(one)["client_secret"] for one in server.received] == [OLD_AND_NEW[0]] * 2


async def test_a_refused_secret_gives_way_to_the_other_and_is_not_tried_again(
    transport: Transport,
) -> None:
    old, new = OLD_AND_NEW
    async with loopback(refusing(old)) as server:
        oauth = OAuth(app=replace(at(server), client_secrets=OLD_AND_NEW), transport=transport)
        for _ in range(2):
            refreshed = await oauth.refresh(f"IBSSO {TOKEN}", timeout_seconds=20)
            exchanged, _ = await oauth.exchange("0a1b2c3d", verifier=None)
            assert refreshed.authorization == exchanged.authorization == "IBSSO new"
    assert [form_of(one)["client_secret"] for one in server.received] == [old, new] * 2 + [new] * 2


async def test_a_code_survives_the_change_as_well(transport: Transport) -> None:
    async with loopback(refusing(OLD_AND_NEW[0])) as server:
        oauth = OAuth(app=replace(at(server), client_secrets=OLD_AND_NEW), transport=transport)
        token, identity = await oauth.exchange("0a1b2c3d", verifier=None)
    assert (token.authorization, identity.account_key) == ("IBSSO new", "A")


async def test_when_every_secret_is_refused_a_refresh_is_made_as_documented_without_one(
    transport: Transport,
) -> None:
    async with loopback(refusing(*OLD_AND_NEW)) as server:
        oauth = OAuth(app=replace(at(server), client_secrets=OLD_AND_NEW), transport=transport)
        first = await oauth.refresh(f"IBSSO {TOKEN}", timeout_seconds=20)
        second = await oauth.refresh(f"IBSSO {TOKEN}", timeout_seconds=20)
        with pytest.raises(ClientRefused):
            await oauth.exchange("0a1b2c3d", verifier=None)
    assert first.authorization == second.authorization == "IBSSO new"
    sent = [form_of(one).get("client_secret") for one in server.received]
    assert sent == [*OLD_AND_NEW, None, None, *OLD_AND_NEW]
    assert form_of(server.received[3]) == {"grant_type": "refresh_token", "code": TOKEN}


async def test_a_client_that_is_refused_in_every_way_is_refused(transport: Transport) -> None:
    async with loopback(answered(b'{"error": "invalid_client"}', status="401 x")) as server:
        oauth = OAuth(app=replace(at(server), client_secrets=OLD_AND_NEW), transport=transport)
        with pytest.raises(ClientRefused):
            await oauth.refresh(f"IBSSO {TOKEN}", timeout_seconds=20)
    assert len(server.received) == 3


async def test_where_no_secret_is_sent_there_is_no_other_to_try(transport: Transport) -> None:
    async with loopback(answered(b'{"error": "invalid_client"}', status="401 x")) as server:
        app = replace(at(server), client_secrets=OLD_AND_NEW, refresh_fields="minimal")
        with pytest.raises(ClientRefused):
            await OAuth(app=app, transport=transport).refresh("IBSSO x", timeout_seconds=20)
    assert len(server.received) == 1
