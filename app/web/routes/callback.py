"""The one redirect URI of all flows, and completion by a page that keeps the proof itself."""

import re

from fastapi import APIRouter, Request, Response

from app.connections.authorisation import Completed
from app.connections.proof import NeedsPage
from app.connections.receipts import Receipt
from app.errors import DatabaseUnavailable
from app.errors.calls import InfobipThrottled, InfobipTimeout, InfobipUnreachable
from app.errors.requests import MalformedRequest
from app.errors.sign_in import (
    AccessDeclined,
    AlreadyLinked,
    AuthorizeFailed,
    ClientNotAccepted,
    CodeRefused,
    FlowUnknown,
    LinkUnknown,
    LinkUsed,
    OAuthNotConfigured,
    WrongAccount,
    WrongBrowser,
)
from app.models.audit import Action
from app.models.flow import Activation, EmbeddedLoad, Flow
from app.web.cookies import (
    ACTIVATION_COOKIE,
    RECEIPT_COOKIE,
    SESSION_COOKIE,
    clear_cookie,
    flow_cookies_to_clear,
    flow_secrets,
    our_cookies,
    set_cookie,
)
from app.web.dependencies import AuthorisationsOf, ProcessOf
from app.web.problems import offer_another_try, page
from app.web.queries import CODE, STATE, read_query, single, with_query
from app.web.refusals import note_refusal
from app.web.schemas.answers import page_answer, query_parameters, redirect_answer
from app.web.schemas.problems import page_problems

router = APIRouter(tags=["pages"])

_ERROR = re.compile(r"[\x20-\x7e]{1,128}", re.ASCII)
_RECEIPT_SECONDS = 600


@router.get(
    "/oauth/callback",
    summary="Come back from Authorize",
    response_class=Response,
    status_code=303,
    responses=redirect_answer(303, "On to the page, signed in or linked.")
    | page_answer("A page that completes the flow, where it keeps the proof itself.")
    | page_problems(
        FlowUnknown,
        WrongBrowser,
        AccessDeclined,
        AuthorizeFailed,
        CodeRefused,
        ClientNotAccepted,
        WrongAccount,
        AlreadyLinked,
        LinkUnknown,
        LinkUsed,
        OAuthNotConfigured,
        InfobipUnreachable,
        InfobipTimeout,
        InfobipThrottled,
        DatabaseUnavailable,
    ),
    openapi_extra=query_parameters(
        state="As Authorize was given it.", code="Good once.", error="Where there is no code."
    ),
)
async def come_back(
    request: Request, authorisations: AuthorisationsOf, process: ProcessOf
) -> Response:
    """Back from Authorize: prove the browser, trade the code, sign in or link, on to the page."""
    query = read_query(request.scope["query_string"])
    state = single(query, "state", form=STATE)
    code = single(query, "code", form=CODE)
    error = single(query, "error", form=_ERROR)
    cookies = our_cookies(request.scope["headers"])
    secrets = flow_secrets(cookies)
    if state is None or (code is None) == (error is None):
        raise MalformedRequest("The answer from Infobip is incomplete. Reload the page.")
    try:
        if error is not None:
            raise await authorisations.fail(state=state, error=error, browser_secrets=secrets)
        completed = await authorisations.complete(
            state=state,
            code=code or "",
            browser_secrets=secrets,
            page_may_choose="sec-fetch-dest" in request.headers,  # a browser, not a program
            on_taken=lambda flow: _note_beginning(request, flow),
        )
    except NeedsPage as needs:
        if needs.outcome == "wrong_browser":
            note_refusal(request, Action.CALLBACK_REFUSED, reason=needs.outcome)
        return _completion_page(needs, error)
    return await finish(completed, request, process)


def _note_beginning(request: Request, flow: Flow) -> None:
    """Where the person may try it again, should it fail from here on."""
    if isinstance(flow.purpose, EmbeddedLoad):
        load = flow.purpose
        offer_another_try(request, with_query(f"/{load.surface}", load.params))


async def finish(completed: Completed, request: Request, process: ProcessOf) -> Response:
    """A redirect to where the flow leads, with the cookies that belong there."""
    cookies = our_cookies(request.scope["headers"])
    if isinstance(completed.flow.purpose, EmbeddedLoad):
        response = await _signed_in(completed, completed.flow.purpose, cookies, process)
    else:
        response = _linked(completed, completed.flow.purpose, process)
    framed = isinstance(completed.flow.purpose, EmbeddedLoad)
    for name in flow_cookies_to_clear(cookies, finished=completed.browser_secret):
        response.headers.append("set-cookie", clear_cookie(name, framed=framed))
    return response


def landing(load: EmbeddedLoad) -> str:
    """The path of the page that a load is for, with the parameters it came with."""
    return with_query(f"/ui/{load.surface}", load.params)


async def _signed_in(
    completed: Completed, load: EmbeddedLoad, cookies: dict[str, str], process: ProcessOf
) -> Response:
    token = await process.sessions.sign_in(completed, replacing=cookies.get(SESSION_COOKIE))
    response = Response(status_code=303)
    response.headers["location"] = landing(load)
    life = process.settings.web.session_absolute_seconds
    response.headers.append("set-cookie", set_cookie(SESSION_COOKIE, token, max_age_seconds=life))
    return response


def _linked(completed: Completed, activation: Activation, process: ProcessOf) -> Response:
    profile = completed.profile
    receipt = Receipt(
        username=profile.username or "",
        email=profile.email or "",
        account_key=profile.account_key or "",
        external_id=completed.external_id or "",
    )
    response = Response(status_code=303)
    response.headers["location"] = activation.return_to or "/connect/done"
    sealed = process.receipts.seal(receipt)
    for header in (
        clear_cookie(ACTIVATION_COOKIE, framed=False),
        set_cookie(RECEIPT_COOKIE, sealed, max_age_seconds=_RECEIPT_SECONDS, framed=False),
    ):
        response.headers.append("set-cookie", header)
    return response


def _completion_page(needs: NeedsPage, error: str | None) -> Response:
    """The page's script goes on where cookies alone do not lead; without one, it says why."""
    load, refused = needs.load, WrongBrowser()
    wrong = needs.outcome == "wrong_browser"
    if error is not None:
        if wrong:
            raise refused
        raise AccessDeclined if error == "access_denied" else AuthorizeFailed
    return page(
        "completion.html",
        status=403 if wrong else 200,
        outcome=needs.outcome,
        surface=load.surface if load else None,
        front_end=load.front_end if load else None,
        entry=with_query(f"/{load.surface}", load.params) if load else None,
        title=refused.title if wrong else "Signing in",
        message=_why(refused, load) if wrong else "One moment.",
        code=refused.code if wrong else None,
    )


def _why(refused: WrongBrowser, load: EmbeddedLoad | None) -> str:
    """An activation has no page to reload: its address was the callback's, which is used up."""
    if load is not None:
        return refused.detail
    return (
        "Linking an account has to finish in the browser where it began. Go on there, or open the "
        "link in this one."
    )
