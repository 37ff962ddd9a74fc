"""Signed calls: what arrives at the app, and what cannot be called."""

import asyncio
import hashlib
import hmac
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox import config
from sandbox.config import SandboxConfig, default_app
from sandbox.loopback import is_loopback
from sandbox.signatures import sign, sign_legacy
from sandbox.signed_calls import SignedCallError, local_url, send, sign_call
from tests.sandbox.client import SandboxClient
from tests.sandbox.servers import serving

pytestmark = pytest.mark.anyio

CYCLES = "8F0792F86035A9F4290821F1EE6BC06A"


def hmac_of(key: str, message: bytes) -> str:
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()


@dataclass
class Receiver:
    """An app on this machine that keeps what it got."""

    url: str
    heard: list[tuple[str, httpx.Headers, bytes]]

    @property
    def last(self) -> tuple[str, str, bytes]:
        """Signature, timestamp and raw body of the last call."""
        _, headers, body = self.heard[-1]
        name = "X-Ib-Exchange-Req-"
        return headers[f"{name}Signature"], headers[f"{name}Timestamp"], body


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    heard: list[tuple[str, httpx.Headers, bytes]] = []

    async def hook(request: Request) -> Response:
        headers = httpx.Headers(request.headers.raw)
        heard.append((request.method, headers, await request.body()))
        return PlainTextResponse("thank you", 202)

    async def big(request: Request) -> Response:
        return PlainTextResponse("é" * 100_000)

    async def away(request: Request) -> Response:
        return RedirectResponse("http://away.example/", 307)

    async def slow(request: Request) -> Response:
        await asyncio.sleep(30)
        return Response()

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    pages = {"/hook": hook, "/big": big, "/away": away, "/slow": slow}
    app = Starlette(routes=[Route(path, page, methods=methods) for path, page in pages.items()])
    async with serving(app) as url:
        yield Receiver(url, heard)


async def order(sandbox: SandboxClient, receiver: Receiver, **more: object) -> Any:
    return await sandbox.control("POST", "signed-calls", {"url": f"{receiver.url}/hook", **more})


def test_the_legacy_form_fits_the_known_vector() -> None:
    signature = sign_legacy("Hello World!", "1666752518753", "123456")
    assert signature.upper() == "D138B40319432FF816072FC9C1B51594F73904175E9A9ED01873EB7B31E3801D"


def test_the_current_form_covers_timestamp_and_raw_body_with_the_secrets_characters() -> None:
    body = '{"name":"Zoë"}'.encode()
    assert sign("a+/=", "1667951050990", body) == hmac_of("a+/=", b"1667951050990" + body)
    assert sign("Hello World!", "1666752518753", b"123456").startswith("d138b403")


async def test_a_signed_call_arrives_with_signature_and_timestamp(
    sandbox: SandboxClient, receiver: Receiver
) -> None:
    body = {"event": "Zoë", "n": [1, 2.5, None]}
    answer = await order(sandbox, receiver, body=body)
    signature, timestamp, raw = receiver.last
    assert raw == '{"event":"Zoë","n":[1,2.5,null]}'.encode()
    assert signature == hmac_of(config.SIGNING_SECRET, timestamp.encode() + raw)
    assert abs(int(timestamp) / 1000 - time.time()) < 10
    assert receiver.heard[-1][0] == "POST"
    assert receiver.heard[-1][1]["content-type"] == "application/json"
    assert "x-ib-exchange-req-accountkey" not in receiver.heard[-1][1]
    assert answer == {
        "status": 202,
        "contentType": "text/plain; charset=utf-8",
        "body": "thank you",
        "truncated": False,
        "sent": {"timestamp": timestamp, "signature": signature},
    }


@pytest.mark.parametrize("body", ['{ "a" : 1 }', "no JSON", "é", " \n"])
async def test_a_text_is_sent_as_it_is(
    sandbox: SandboxClient, receiver: Receiver, body: str
) -> None:
    await order(sandbox, receiver, body=body)
    assert receiver.last[2] == body.encode()


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_other_methods_and_no_body_are_signed_as_well(
    sandbox: SandboxClient, receiver: Receiver, method: str
) -> None:
    await order(sandbox, receiver, method=method)
    signature, timestamp, raw = receiver.last
    assert (receiver.heard[-1][0], raw) == (method, b"")
    assert "content-type" not in receiver.heard[-1][1]
    assert signature == hmac_of(config.SIGNING_SECRET, timestamp.encode())


async def test_the_legacy_form_signs_the_account_with_the_client_secret(
    sandbox: SandboxClient, receiver: Receiver
) -> None:
    for more, account in (({}, CYCLES), ({"accountKey": "123456"}, "123456")):
        await order(sandbox, receiver, form="legacy", body={"a": 1}, **more)
        signature, timestamp, _ = receiver.last
        assert signature == hmac_of(config.CLIENT_SECRET, (timestamp + account).encode())
        assert receiver.heard[-1][1]["x-ib-exchange-req-accountkey"] == account


async def test_a_call_is_signed_for_the_app_that_is_named(
    sandbox: SandboxClient, receiver: Receiver
) -> None:
    app = await sandbox.control("POST", "apps", {})
    for app_id, secret in (
        (config.PUBLIC_APP_ID, config.PUBLIC_SIGNING_SECRET),
        (app["appId"], app["signingSecret"]),
    ):
        await order(sandbox, receiver, appId=app_id, body="x")
        signature, timestamp, _ = receiver.last
        assert signature == hmac_of(secret, timestamp.encode() + b"x")


@pytest.mark.parametrize("tamper", ["body", "signature", "timestamp"])
async def test_what_is_tampered_with_breaks_the_signature(
    sandbox: SandboxClient, receiver: Receiver, tamper: str
) -> None:
    await order(sandbox, receiver, body={"a": 1}, tamper=tamper)
    signature, timestamp, raw = receiver.last
    assert signature != hmac_of(config.SIGNING_SECRET, timestamp.encode() + raw)
    assert len(signature) == 64
    assert len(timestamp) == 13
    assert raw.strip() == b'{"a":1}'


@pytest.mark.parametrize("offset", [-301.5, 3600])
async def test_a_timestamp_can_be_off_and_is_signed_all_the_same(
    sandbox: SandboxClient, receiver: Receiver, offset: float
) -> None:
    await order(sandbox, receiver, body="x", timestampOffsetSeconds=offset)
    signature, timestamp, raw = receiver.last
    assert abs(int(timestamp) / 1000 - time.time() - offset) < 10
    assert signature == hmac_of(config.SIGNING_SECRET, timestamp.encode() + raw)


async def test_the_sandboxs_clock_does_not_age_a_call(
    sandbox: SandboxClient, receiver: Receiver
) -> None:
    await sandbox.advance(86_400)
    await order(sandbox, receiver)
    assert abs(int(receiver.last[1]) / 1000 - time.time()) < 10


async def test_a_redirect_is_an_answer_and_is_not_followed(
    sandbox: SandboxClient, receiver: Receiver
) -> None:
    answer = await order(sandbox, receiver, url=f"{receiver.url}/away")
    assert answer["status"] == 307


async def test_a_long_answer_is_cut(sandbox: SandboxClient, receiver: Receiver) -> None:
    answer = await order(sandbox, receiver, url=f"{receiver.url}/big")
    assert answer["truncated"] is True
    assert answer["body"] == "é" * 32_768


async def test_an_app_that_does_not_answer_is_not_waited_for(receiver: Receiver) -> None:
    call = sign_call(
        default_app(config.DEFAULT_APP_URL),
        method="POST",
        url=local_url(f"{receiver.url}/slow"),
        body=b"",
        form="current",
        account_id=CYCLES,
        offset_seconds=0,
        tamper=None,
    )
    with pytest.raises(SignedCallError, match=r"within 0\.2 seconds") as caught:
        await send(call, within_seconds=0.2)
    assert caught.value.status == 504


async def test_an_app_that_is_not_there_is_said_to_be_so(sandbox: SandboxClient) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}/"
        answer = await sandbox.http.post("/_sandbox/signed-calls", json={"url": url})
    assert answer.status_code == 502
    assert "cannot be reached" in answer.json()["detail"]
    assert (await sandbox.control("GET", "log"))[0]["outcome"].endswith("→ no answer")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "http://169.254.169.254/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://[::ffff:10.0.0.1]/",
        "http://127.evil.example/",
        "http://localhost.evil.example/",
        "http://localhost@evil.example/",
        "http://127.0.0.1@evil.example/",
        "http://evil.example\\@127.0.0.1/",
        "http://user:password@127.0.0.1/",
        "http://2130706434/",
        "http://127.1/",
        "http://xn--/",
        "http:///",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "http://[::1",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "//127.0.0.1/",
        "",
    ],
)
async def test_nothing_but_this_machine_can_be_called(sandbox: SandboxClient, url: str) -> None:
    answer = await sandbox.http.post("/_sandbox/signed-calls", json={"url": url})
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)


def test_loopback_is_localhost_and_whole_loopback_addresses() -> None:
    assert all(is_loopback(host) for host in ("localhost", "127.0.0.1", "127.8.9.10", "::1"))
    assert not any(is_loopback(host) for host in ("", "127.1", "127.0.0.1.example", "0.0.0.0"))


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"appId": "nope"}, 400),
        ({"form": "legacy", "appId": config.PUBLIC_APP_ID}, 400),
        ({"body": "x" * 262_145}, 400),
        ({"form": "newest"}, 422),
        ({"method": "TRACE"}, 422),
        ({"tamper": "url"}, 422),
        ({"accountKey": ""}, 422),
        ({"accountKey": "a b"}, 422),
        ({"timestampOffsetSeconds": "5"}, 422),
        ({"timestampOffsetSeconds": 1e12}, 422),
        ({"headers": {}}, 422),
        ({"url": 7}, 422),
    ],
)
async def test_an_order_that_makes_no_sense_calls_nobody(
    sandbox: SandboxClient, receiver: Receiver, more: dict[str, object], status: int
) -> None:
    body = {"url": f"{receiver.url}/hook", **more}
    assert (await sandbox.http.post("/_sandbox/signed-calls", json=body)).status_code == status
    assert receiver.heard == []


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"NaN", 422), (b"[Infinity]", 422), (b'"\\ud800"', 400), (b'{"\\ud800": 1}', 400)],
)
async def test_a_body_that_cannot_be_sent_is_refused(
    sandbox: SandboxClient, body: bytes, status: int
) -> None:
    content = b'{"url": "http://127.0.0.1:9/", "body": ' + body + b"}"
    headers = {"Content-Type": "application/json"}
    answer = await sandbox.http.post("/_sandbox/signed-calls", content=content, headers=headers)
    assert answer.status_code == status


async def test_a_call_is_logged_without_query_body_and_signature(
    sandbox: SandboxClient, receiver: Receiver
) -> None:
    url = f"{receiver.url}/hook?key=hidden-1#hidden-3"
    await order(
        sandbox, receiver, url=url, body="hidden-2", tamper="body", timestampOffsetSeconds=-400
    )
    log = await sandbox.http.get("/_sandbox/log")
    entry = log.json()[0]
    assert entry["kind"] == "signed"
    assert entry["outcome"] == (
        f"POST {receiver.url}/hook (current, Hearth, body tampered with, -400 s) → 202"
    )
    signature, _, _ = receiver.last
    for secret in ("hidden", signature, config.SIGNING_SECRET):
        assert secret not in log.text


async def test_pages_of_other_origins_may_not_call(
    sandbox: SandboxClient, receiver: Receiver
) -> None:
    answer = await sandbox.http.post(
        "/_sandbox/signed-calls",
        json={"url": f"{receiver.url}/hook"},
        headers={"Origin": "http://evil.example"},
    )
    assert answer.status_code == 403
    assert receiver.heard == []


def test_every_default_app_has_a_signing_secret_of_its_own() -> None:
    apps = SandboxConfig().registered_apps()
    assert len({app.signing_secret for app in apps}) == len(apps) == 2
