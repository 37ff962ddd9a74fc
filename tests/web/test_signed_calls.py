"""Calls that Infobip signs: only those reach a route, as they were sent."""

import asyncio
import hashlib
import hmac
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import structlog
from pydantic import SecretStr
from starlette.requests import Request
from starlette.types import Message

from app.errors.requests import MalformedRequest, RequestTooSlow
from app.main import create_app
from app.web.body_limit import LARGEST_BODY_BYTES
from app.web.signed_calls import SignedCall, read_body
from sandbox.config import (
    CLIENT_SECRET,
    PUBLIC_APP_ID,
    PUBLIC_CLIENT_ID,
    PUBLIC_SIGNING_SECRET,
    SIGNING_SECRET,
)
from tests.conftest import Hearth, StartHearth
from tests.support.servers import serving
from tests.support.settings import make_settings
from tests.support.vendor import Vendor
from tests.support.wire import wire

pytestmark = pytest.mark.anyio

SIGNED = {"signing_secret": SecretStr(SIGNING_SECRET)}
PUBLIC = {"client_id": PUBLIC_CLIENT_ID, "client_secret": None}
ACCOUNT = "8F0792F86035A9F4290821F1EE6BC06A"

SIGNATURE = "X-Ib-Exchange-Req-Signature"
TIMESTAMP = "X-Ib-Exchange-Req-Timestamp"
ACCOUNT_KEY = "X-Ib-Exchange-Req-AccountKey"

Headers = list[tuple[str, str]]


@pytest.fixture
async def hearth(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    """A Hearth that knows the signing secret."""
    async with start_hearth(infobip=SIGNED) as running:
        yield running


def now() -> str:
    return str(int(time.time() * 1000))


def sign(key: str, timestamp: str, rest: bytes) -> str:
    return hmac.new(key.encode(), timestamp.encode() + rest, hashlib.sha256).hexdigest()


def signed(body: bytes, *, key: str = SIGNING_SECRET) -> Headers:
    timestamp = now()
    return [(SIGNATURE, sign(key, timestamp, body)), (TIMESTAMP, timestamp)]


def signed_legacy(account: str = ACCOUNT, *, named: Sequence[str] = (ACCOUNT,)) -> Headers:
    timestamp = now()
    signature = sign(CLIENT_SECRET, timestamp, account.encode())
    accounts = [(ACCOUNT_KEY, each) for each in named]
    return [(SIGNATURE, signature), (TIMESTAMP, timestamp), *accounts]


async def call(hearth: Hearth, headers: Headers, body: bytes = b"") -> httpx.Response:
    return await hearth.http.post(f"{hearth.url}/infobip/calls", headers=headers, content=body)


def address(hearth: Hearth) -> str:
    return f"{hearth.url}/infobip/calls"


def refused(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")


# --- as Infobip calls -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "size"),
    [({"event": "Zoë", "n": [1, 2.5, None]}, 33), ("plain", 5), ("é" * 1_000, 2_000), (None, 0)],
)
async def test_what_infobip_signed_is_received_whole(
    hearth: Hearth, vendor: Vendor, body: Any, size: int
) -> None:
    before = datetime.now(UTC)

    answer = await vendor.signed_call(address(hearth), body=body)

    assert answer["status"] == 200, answer
    received = httpx.Response(200, text=answer["body"]).json()
    assert received["received"] == size
    signed_at = datetime.fromisoformat(received["signedAt"])
    assert received["signedAt"].endswith("Z")
    assert abs((signed_at - before).total_seconds()) < 10
    assert int(signed_at.timestamp() * 1000) == int(answer["sent"]["timestamp"])


@pytest.mark.parametrize("tamper", ["body", "signature", "timestamp"])
@pytest.mark.parametrize("body", [{"a": 1}, None])
async def test_whatever_was_tampered_with_is_refused(
    hearth: Hearth, vendor: Vendor, tamper: str, body: Any
) -> None:
    answer = await vendor.signed_call(address(hearth), body=body, tamper=tamper)

    assert answer["status"] == 401
    assert '"code":"invalid_signature"' in answer["body"]
    assert answer["contentType"] == "application/problem+json"


@pytest.mark.parametrize(
    ("offset", "status"), [(-305, 401), (-86_400, 401), (305, 401), (-280, 200), (280, 200)]
)
async def test_a_call_is_good_for_five_minutes(
    hearth: Hearth, vendor: Vendor, offset: float, status: int
) -> None:
    answer = await vendor.signed_call(address(hearth), body={"a": 1}, timestampOffsetSeconds=offset)

    assert answer["status"] == status


async def test_a_call_for_another_app_is_refused(hearth: Hearth, vendor: Vendor) -> None:
    answer = await vendor.signed_call(address(hearth), body={"a": 1}, appId=PUBLIC_APP_ID)

    assert answer["status"] == 401


async def test_a_public_app_receives_its_calls(start_hearth: StartHearth, vendor: Vendor) -> None:
    infobip = {**PUBLIC, "signing_secret": SecretStr(PUBLIC_SIGNING_SECRET)}
    async with start_hearth(infobip=infobip) as hearth:
        own = await vendor.signed_call(address(hearth), body={"a": 1}, appId=PUBLIC_APP_ID)
        other = await vendor.signed_call(address(hearth), body={"a": 1})

    assert (own["status"], other["status"]) == (200, 401)


async def test_while_the_signing_secret_is_changed_calls_signed_with_either_are_accepted(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    for listed in (f"another-secret,{SIGNING_SECRET}", f"{SIGNING_SECRET}, another-secret"):
        async with start_hearth(infobip={"signing_secret": SecretStr(listed)}) as hearth:
            current = await vendor.signed_call(address(hearth), body={"a": 1})
            legacy = await vendor.signed_call(address(hearth), form="legacy", body={"a": 1})

        assert (current["status"], legacy["status"]) == (200, 401)


# --- the legacy form ------------------------------------------------------------------------


async def test_without_a_signing_secret_the_legacy_form_is_accepted(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    async with start_hearth() as hearth:
        legacy = await vendor.signed_call(address(hearth), form="legacy", body={"a": 1})
        other = await vendor.signed_call(address(hearth), form="legacy", accountKey="123456")
        current = await vendor.signed_call(address(hearth), form="current", body={"a": 1})

    assert [each["status"] for each in (legacy, other, current)] == [200, 200, 401]


@pytest.mark.parametrize(
    "order", [{"tamper": "signature"}, {"tamper": "timestamp"}, {"timestampOffsetSeconds": -305}]
)
async def test_the_legacy_form_is_verified_as_well(
    start_hearth: StartHearth, vendor: Vendor, order: dict[str, Any]
) -> None:
    async with start_hearth() as hearth:
        answer = await vendor.signed_call(address(hearth), form="legacy", **order)

    assert answer["status"] == 401


async def test_while_the_client_secret_is_changed_calls_signed_with_either_are_accepted(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    for listed in (f"{CLIENT_SECRET},another-secret", f"another-secret, {CLIENT_SECRET}"):
        async with start_hearth(infobip={"client_secret": SecretStr(listed)}) as hearth:
            answer = await vendor.signed_call(address(hearth), form="legacy", body={"a": 1})

        assert answer["status"] == 200


async def test_with_a_signing_secret_the_legacy_form_is_no_way_in(
    hearth: Hearth, vendor: Vendor
) -> None:
    for body in ({"a": 1}, None):
        answer = await vendor.signed_call(address(hearth), form="legacy", body=body)
        assert answer["status"] == 401


@pytest.mark.parametrize(
    "named",
    [[], ["123456"], [ACCOUNT.lower()], [ACCOUNT, ACCOUNT], [""], ["x" * 129], [f"{ACCOUNT} x"]],
)
async def test_the_legacy_form_has_to_name_the_account_that_it_signs(
    start_hearth: StartHearth, named: list[str]
) -> None:
    async with start_hearth() as hearth:
        assert refused(await call(hearth, signed_legacy(named=named)))
        assert (await call(hearth, signed_legacy())).status_code == 200


async def test_an_account_of_odd_characters_is_refused_even_if_it_is_signed(
    start_hearth: StartHearth,
) -> None:
    async with start_hearth() as hearth:
        for account in ("x" * 129, "a b"):
            assert refused(await call(hearth, signed_legacy(account, named=[account])))


# --- to the byte ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [bytes(range(256)), b"\xff\xfe", b"\x00", b"\r\n", b"", b"x" * LARGEST_BODY_BYTES]
)
async def test_bytes_that_are_no_text_are_verified_as_they_are(hearth: Hearth, body: bytes) -> None:
    answer = await call(hearth, signed(body), body)

    assert answer.json()["received"] == len(body)
    assert refused(await call(hearth, signed(body), body[:-1] + b"?"))


async def test_a_body_that_is_too_large_is_refused(hearth: Hearth) -> None:
    body = b"x" * (LARGEST_BODY_BYTES + 1)

    answer = await call(hearth, signed(body), body)

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_body_in_chunks_without_a_length_is_limited_as_well(hearth: Hearth) -> None:
    body = b"x" * (LARGEST_BODY_BYTES + 1)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    answer = await hearth.http.post(address(hearth), headers=signed(body), content=chunks())

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_signature_in_capitals_is_one(hearth: Hearth) -> None:
    (name, signature), timestamp = signed(b"x")

    answer = await call(hearth, [(name, signature.upper()), timestamp], b"x")

    assert answer.status_code == 200


@pytest.mark.parametrize("name", [SIGNATURE, TIMESTAMP])
async def test_a_header_has_to_be_there_once(hearth: Hearth, name: str) -> None:
    headers = signed(b"x")
    same = [header for header in headers if header[0] == name]
    others = [header for header in headers if header[0] != name]

    assert refused(await call(hearth, others, b"x"))
    assert refused(await call(hearth, headers + same, b"x"))
    assert refused(await call(hearth, [*others, (name, "")], b"x"))
    assert refused(await call(hearth, [*others, (name, f"{same[0][1]}, {same[0][1]}")], b"x"))


async def test_an_unsigned_call_is_refused_before_its_body_is_read(hearth: Hearth) -> None:
    async with wire(hearth.url) as connection:
        await connection.send(
            b"POST /infobip/calls HTTP/1.1\r\nhost: hearth\r\ncontent-length: 100000\r\n\r\n"
        )
        answer = await connection.answer()

    assert answer.status == 401


async def test_header_bytes_beyond_ascii_are_refused(hearth: Hearth) -> None:
    for lines in (
        b"x-ib-exchange-req-signature: \xb2\xff\r\nx-ib-exchange-req-timestamp: 1666752518753\r\n",
        b"x-ib-exchange-req-signature: %b\r\nx-ib-exchange-req-timestamp: 166675251875\xb2\r\n"
        % (b"0" * 64),
    ):
        async with wire(hearth.url) as connection:
            await connection.send(
                b"POST /infobip/calls HTTP/1.1\r\nhost: hearth\r\n" + lines + b"\r\n"
            )
            assert (await connection.answer()).status == 401


# --- what the outside learns ----------------------------------------------------------------


async def test_without_any_secret_nothing_is_accepted(start_hearth: StartHearth) -> None:
    async with start_hearth(infobip=PUBLIC) as hearth:
        answers = [await call(hearth, signed(b"x", key=key), b"x") for key in ("", "None")]

    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (404, "signed_calls_not_configured")
        assert "INFOBIP_SIGNING_SECRET" in answer.json()["detail"]


async def test_an_empty_secret_is_none(start_hearth: StartHearth) -> None:
    empty = {**PUBLIC, "client_secret": SecretStr(""), "signing_secret": SecretStr("")}
    async with start_hearth(infobip=empty) as hearth:
        answer = await call(hearth, signed(b"x", key=""), b"x")

    assert answer.status_code == 404


async def test_all_refusals_look_alike_and_the_log_tells_them_apart(hearth: Hearth) -> None:
    right = signed(b"x")
    (_, signature), (_, timestamp) = right
    old = str(int(timestamp) - 400_000)
    ahead = str(int(timestamp) + 400_000)
    cases: dict[str, Headers] = {
        "signature_missing": right[1:],
        "signature_repeated": [right[0], *right],
        "signature_malformed": [(SIGNATURE, "sha256=0"), right[1]],
        "signature_wrong": [(SIGNATURE, sign("another key", timestamp, b"x")), right[1]],
        "timestamp_missing": right[:1],
        "timestamp_repeated": [*right, right[1]],
        "timestamp_malformed": [right[0], (TIMESTAMP, timestamp[:10])],
        "too_old": [(SIGNATURE, sign(SIGNING_SECRET, old, b"x")), (TIMESTAMP, old)],
        "in_the_future": [(SIGNATURE, sign(SIGNING_SECRET, ahead, b"x")), (TIMESTAMP, ahead)],
    }

    with structlog.testing.capture_logs() as events:
        answers = [await call(hearth, headers, b"x") for headers in cases.values()]

    assert all(refused(answer) for answer in answers)
    assert len({answer.text for answer in answers}) == 1
    noted = [event for event in events if event["event"] == "signed_call_refused"]
    assert [event["reason"] for event in noted] == list(cases)
    assert {event["expected"] for event in noted} == {"current"}
    for secret in (SIGNING_SECRET, CLIENT_SECRET, signature, timestamp):
        assert secret not in repr(events)


async def test_a_page_of_another_site_cannot_have_a_browser_call(hearth: Hearth) -> None:
    forged = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")]

    answer = await call(hearth, signed(b"x") + forged, b"x")

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden_origin")


async def test_the_route_is_described_with_its_signature_and_its_refusals(hearth: Hearth) -> None:
    described = (await hearth.http.get(f"{hearth.url}/openapi.json")).json()

    route = described["paths"]["/infobip/calls"]["post"]
    assert route["security"] == [{"infobipSignature": []}]
    assert {"200", "400", "401", "404", "408", "413"} <= set(route["responses"])
    scheme = described["components"]["securitySchemes"]["infobipSignature"]
    assert (scheme["in"], scheme["name"]) == ("header", SIGNATURE)


# --- a route of one's own -------------------------------------------------------------------


@asynccontextmanager
async def own_route(
    database_url: str, vendor: Vendor, listener: socket.socket, infobip: dict[str, Any]
) -> AsyncIterator[tuple[str, list[SignedCall]]]:
    """An app with a route of its own; its address, and what it was given."""
    settings = make_settings(
        database_url=database_url,
        sandbox_url=vendor.url,
        public_url="http://localhost:1",
        infobip=infobip,
    )
    app = create_app(settings, refresher=False)
    given: list[SignedCall] = []

    @app.post("/own", status_code=204)
    async def own(call: SignedCall) -> None:
        given.append(call)

    async with serving(app, listener.dup()) as url:
        yield f"{url}/own", given


async def test_a_route_gets_the_raw_body_and_when_it_was_signed(
    database_url: str, vendor: Vendor, public_port: socket.socket
) -> None:
    async with own_route(database_url, vendor, public_port, SIGNED) as (url, given):
        answer = await vendor.signed_call(url, body='{ "a" : "é" }')
        await vendor.signed_call(url, body="never seen", tamper="body")

    assert answer["status"] == 204
    (one,) = given
    assert one.body == '{ "a" : "é" }'.encode()
    assert int(one.signed_at.timestamp() * 1000) == int(answer["sent"]["timestamp"])
    assert (one.form, one.account_id) == ("current", None)
    assert "é" not in repr(one)


async def test_a_route_can_tell_that_the_body_is_not_covered(
    database_url: str, vendor: Vendor, public_port: socket.socket
) -> None:
    async with own_route(database_url, vendor, public_port, {}) as (url, given):
        await vendor.signed_call(url, form="legacy", body="anybody's", accountKey="123456")
        await vendor.signed_call(url, form="legacy", body="anybody's", tamper="body")

    assert [(one.form, one.account_id) for one in given] == [
        ("legacy", "123456"),
        ("legacy", ACCOUNT),
    ]


# --- a body that does not come --------------------------------------------------------------


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(RequestTooSlow):
        await read_body(post(never), within_seconds=0.01)


async def test_a_caller_who_hangs_up_is_no_crash_of_ours() -> None:
    messages: list[Message] = [
        {"type": "http.request", "body": b"half", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    with pytest.raises(MalformedRequest):
        await read_body(post(receive))


def post(receive: Any) -> Request:
    return Request({"type": "http", "method": "POST", "headers": []}, receive)
