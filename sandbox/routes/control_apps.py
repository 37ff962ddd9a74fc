"""The control API, part three: registering apps, and calling them as Infobip does."""

import base64
import json
import re
import secrets
import uuid
from dataclasses import replace
from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, HTTPException
from pydantic import AfterValidator, Field, JsonValue

from sandbox.config import default_urls
from sandbox.directory import App
from sandbox.routes.control_access import WorldDep
from sandbox.settings import CamelModel
from sandbox.signed_calls import (
    SignatureForm,
    SignedCallError,
    Tamper,
    local_url,
    send,
    sign_call,
)
from sandbox.world import World

router = APIRouter(prefix="/_sandbox")

JsonObject = dict[str, object]

_MOST_APPS = 50
_LARGEST_BODY = 262_144
_COMPACT = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_PRINTABLE = re.compile(r"[!-~]+")


def _page_url(text: str) -> str:
    """An absolute address to which parameters can be added."""
    parts = urlsplit(text)
    _ = parts.port  # raises what it finds wrong
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must begin with http:// or https:// and name a host")
    if "#" in text or not _PRINTABLE.fullmatch(text):
        raise ValueError("must be plain ASCII without blanks and without a fragment")
    return text


PageUrl = Annotated[str, Field(max_length=2_000), AfterValidator(_page_url)]


class NewApp(CamelModel):
    """An app to register; its addresses are those of the default apps unless it names others."""

    name: str | None = Field(default=None, max_length=60, pattern=r"\S")
    public: bool = False
    """Whether it gets no client secret, and so needs PKCE."""
    redirect_uri: PageUrl | None = None
    card_url: PageUrl | None = None
    settings_url: PageUrl | None = None


class SignedCallOrder(CamelModel):
    """A signed call to make."""

    url: str = Field(max_length=2_000)
    """A page on this machine."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    body: JsonValue = None
    """A string is sent as it is, anything else as compact JSON; ``null`` is no body."""
    form: SignatureForm = "current"
    app_id: str | None = None
    """The first app by default."""
    account_key: str | None = Field(default=None, pattern=r"^[!-~]{1,100}$")
    """What the legacy form names and signs: any account id; by default the first account's key."""
    timestamp_offset_seconds: float = Field(default=0, ge=-315_360_000, le=315_360_000)
    tamper: Tamper | None = None
    """What is changed after signing; the legacy form does not cover the body."""


@router.post("/apps", status_code=201)
async def register_app(world: WorldDep, new: NewApp) -> JsonObject:
    """Register one more app; answers with its credentials."""
    number = len(world.directory.apps) + 1
    if number > _MOST_APPS:
        raise HTTPException(400, f"There can be {_MOST_APPS} apps at most.")
    urls = default_urls(world.config.app_url)
    app = App(
        app_id=str(uuid.uuid4()),
        name=new.name or f"App {number}",
        client_id=secrets.token_hex(16),
        client_secret=None if new.public else _make_secret(),
        signing_secret=_make_secret(),
        redirect_uri=new.redirect_uri or urls["redirect_uri"],
        card_url=new.card_url or urls["card_url"],
        settings_url=new.settings_url or urls["settings_url"],
    )
    world.directory.add_app(app)
    world.log.add("control", f"{'public ' if app.public else ''}app registered: {app.name}")
    return app.as_json()


@router.post("/apps/{app_id}/client-secret")
async def change_client_secret(world: WorldDep, app_id: str) -> JsonObject:
    """Give a confidential app a new secret; the old one is refused from now on."""
    app = _app(world, app_id)
    if app.public:
        raise HTTPException(400, "A public app has no client secret.")
    changed = replace(app, client_secret=_make_secret())
    world.directory.add_app(changed)
    world.log.add("control", f"new client secret: {app.name}")
    return changed.as_json()


@router.post("/signed-calls")
async def make_signed_call(world: WorldDep, order: SignedCallOrder) -> JsonObject:
    """Call an app on this machine as Infobip would; answers with what it answered."""
    app = _app(world, order.app_id)
    try:
        call = sign_call(
            app,
            method=order.method,
            url=local_url(order.url),
            body=_encode(order.body),
            form=order.form,
            account_id=order.account_key or world.directory.accounts[0].key,
            offset_seconds=order.timestamp_offset_seconds,
            tamper=order.tamper,
        )
    except SignedCallError as error:
        raise HTTPException(error.status, error.reason) from error
    notes = [order.form, app.name]
    if order.tamper:
        notes.append(f"{order.tamper} tampered with")
    if order.timestamp_offset_seconds:
        notes.append(f"{order.timestamp_offset_seconds:+g} s")
    # No query: it may hold what nobody else should read.
    what = f"{order.method} {call.url.copy_with(query=None, fragment=None)} ({', '.join(notes)})"[
        :240
    ]
    try:
        answer = await send(call)
    except SignedCallError as error:
        world.log.add("signed", f"{what} → no answer")
        raise HTTPException(error.status, error.reason) from error
    world.log.add("signed", f"{what} → {answer.status}")
    return {
        "status": answer.status,
        "contentType": answer.content_type,
        "body": answer.body,
        "truncated": answer.truncated,
        "sent": {"timestamp": call.timestamp, "signature": call.signature},
    }


def _encode(body: JsonValue) -> bytes:
    """The bytes of a body, compact as JavaScript writes JSON."""
    if body is None:
        return b""
    try:
        text = body if isinstance(body, str) else _COMPACT.encode(body)
        encoded = text.encode()
    except ValueError as error:  # NaN, half of a surrogate pair
        raise SignedCallError(400, "The body cannot be written as JSON in UTF-8.") from error
    if len(encoded) > _LARGEST_BODY:
        raise SignedCallError(400, f"The body may have {_LARGEST_BODY} bytes at most.")
    return encoded


def _make_secret() -> str:
    """A secret like the documented one: Base64 with all that needs proper form encoding."""
    while True:
        secret = base64.b64encode(secrets.token_bytes(32)).decode()
        if "+" in secret and "/" in secret:
            return secret


def _app(world: World, app_id: str | None) -> App:
    app = world.directory.apps[0] if app_id is None else world.directory.app(app_id)
    if app is None:
        raise HTTPException(400, "There is no app with this appId.")
    return app
