"""Activation: a person links their Infobip account, after they were told to what and agreed."""

import re
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import APIRouter, Request, Response

from app.connections.links import OpenedLink
from app.errors import DatabaseUnavailable
from app.errors.requests import MalformedRequest, RequestTooLarge, RequestTooSlow
from app.errors.sign_in import (
    LinkExpired,
    LinkInUse,
    LinkUnknown,
    LinkUsed,
    OAuthNotConfigured,
    ReturnTargetRefused,
    TooManyFlows,
)
from app.models.flow import FLOW_SECONDS, Params
from app.web.cookies import (
    ACTIVATION_COOKIE,
    RECEIPT_COOKIE,
    clear_cookie,
    flow_cookies_to_clear,
    flow_secrets,
    new_flow_name,
    our_cookies,
    set_cookie,
)
from app.web.dependencies import BeginsFlow, LinksOf, ProcessOf, require_our_origin
from app.web.problems import activation_address, page
from app.web.queries import read_query, single
from app.web.return_targets import ReturnTargets, host_of
from app.web.schemas.answers import (
    form_fields,
    page_answer,
    query_parameters,
    redirect_answer,
)
from app.web.schemas.problems import page_problems

router = APIRouter(tags=["activation"])

_LINK = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_TARGET = re.compile(r"[\x20-\x7e]{1,2048}", re.ASCII)
_LARGEST_FORM = 8_192
_REFUSALS = (
    LinkUnknown,
    LinkUsed,
    LinkExpired,
    LinkInUse,
    ReturnTargetRefused,
    OAuthNotConfigured,
    DatabaseUnavailable,
)


@router.get(
    "/connect",
    summary="Open an activation link",
    response_class=Response,
    responses=page_answer("What will be linked to what, and a button to go on.")
    | page_problems(*_REFUSALS),
    openapi_extra=query_parameters(
        link="As the admin API made it. Without one, one's own site links an account.",
        return_to="Without a link: where to go afterwards.",
    ),
)
async def open_link(request: Request, links: LinksOf, process: ProcessOf) -> Response:
    """Say what will be linked to what, and ask. Nothing happens before the person answers."""
    query = read_query(request.scope["query_string"])
    token, return_to = _read(query, process)
    secrets = flow_secrets(our_cookies(request.scope["headers"]))
    opened = await links.open(token, browser_secrets=secrets) if token else None
    target = opened.link.return_to if opened else return_to
    came_back = (
        opened.came_back if opened else _address(None, return_to) == activation_address(request)
    )
    return page(
        "connect.html",
        came_back=came_back,
        site=host_of(process.settings.web.public_url),
        subject=_subject(opened),
        scopes=_scopes(opened, process),
        next_host=host_of(target) if target else None,
        token=token,
        return_to=return_to,
    )


@router.post(
    "/connect",
    summary="Go on with an activation link",
    dependencies=[BeginsFlow],
    response_class=Response,
    status_code=303,
    responses=redirect_answer(303, "On to Authorize.")
    | page_problems(*_REFUSALS, RequestTooLarge, RequestTooSlow, TooManyFlows),
    openapi_extra=form_fields(link="As it was opened.", return_to="As it was opened."),
)
async def use_link(request: Request, links: LinksOf, process: ProcessOf) -> Response:
    """The person agreed: on to Authorize, with a state of ours."""
    require_our_origin(request)
    token, return_to = _read(await _form(request), process)
    cookies = our_cookies(request.scope["headers"])
    begun = await links.begin(token, return_to=return_to, browser_secrets=flow_secrets(cookies))
    response = Response(status_code=303)
    response.headers["location"] = begun.authorize_url
    kept = {
        new_flow_name(): begun.browser_secret or "",
        ACTIVATION_COOKIE: _address(token, return_to),
    }
    for name, value in kept.items():
        cookie = set_cookie(name, value, max_age_seconds=FLOW_SECONDS, framed=False)
        response.headers.append("set-cookie", cookie)
    for name in flow_cookies_to_clear(cookies):
        response.headers.append("set-cookie", clear_cookie(name, framed=False))
    return response


@router.get(
    "/connect/done",
    summary="It worked",
    response_class=Response,
    responses=page_answer("For which user of which account."),
)
async def show_done(request: Request, process: ProcessOf) -> Response:
    """It worked: for which user of which account."""
    sealed = our_cookies(request.scope["headers"]).get(RECEIPT_COOKIE, "")
    return page("connected.html", receipt=process.receipts.open(sealed))


@router.get(
    "/",
    summary="Nothing to see here",
    response_class=Response,
    responses=page_answer("Or the way back to an activation that was not completed."),
)
async def show_start(request: Request) -> Response:
    """Where Infobip sends a person who cancels, as far as browsers tell it where they came from."""
    address = activation_address(request)
    if address is None:
        return page(
            "message.html",
            title="Nothing to see here",
            message="The pages of this app are opened inside Infobip's web interface.",
        )
    return page(
        "message.html",
        title="Not connected yet",
        message="You came back from Infobip before your account was linked. Nothing was changed.",
        action={"href": address, "label": "Try again"},
    )


def _read(params: Params, process: ProcessOf) -> tuple[str | None, str | None]:
    """The link's token, or the judged return target of a plain activation."""
    names = {name for name, _ in params}
    if names & {"externalId", "external_id"}:
        raise MalformedRequest("An externalId is accepted as part of an activation link only.")
    token = single(params, "link", form=_LINK)
    if token is None and "link" in names:
        raise MalformedRequest("The link is incomplete. Check that it was copied as a whole.")
    if token is not None:
        return token, None
    targets = ReturnTargets(process.settings.web.return_to_allow)
    return None, targets.judge(single(params, "return_to", form=_TARGET))


def _address(token: str | None, return_to: str | None) -> str:
    """This activation's own page."""
    query = {"link": token} if token else {"return_to": return_to} if return_to else {}
    return "/connect" + (f"?{urlencode(query, quote_via=quote, safe='')}" if query else "")


async def _form(request: Request) -> Params:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_FORM:
            raise RequestTooLarge
    try:
        return tuple(parse_qsl(body.decode("ascii"), strict_parsing=bool(body), max_num_fields=8))
    except ValueError as error:
        raise MalformedRequest("The form cannot be read.") from error


def _subject(opened: OpenedLink | None) -> dict[str, str | None]:
    if opened is None:
        return {"external_id": None, "username": None, "account_key": None}
    profile = opened.reconnects.profile if opened.reconnects else None
    return {
        "external_id": opened.link.external_id,
        "username": profile.username if profile else None,
        "account_key": profile.account_key if profile else None,
    }


def _scopes(opened: OpenedLink | None, process: ProcessOf) -> tuple[str, ...]:
    return (opened.link.scopes if opened else ()) or process.settings.infobip.scopes
