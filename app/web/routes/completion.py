"""Flows whose proof the page keeps itself: PKCE where cookies do not go along."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from app.embed.sessions import HANDOVER_SECONDS
from app.errors.calls import InfobipThrottled, InfobipTimeout, InfobipUnreachable
from app.errors.requests import AddressTooLong
from app.errors.sign_in import (
    AlreadyLinked,
    ClientNotAccepted,
    CodeRefused,
    FlowUnknown,
    LinkUnknown,
    LinkUsed,
    OAuthNotConfigured,
    TooManyFlows,
    WrongAccount,
    WrongBrowser,
)
from app.infobip.pkce import read_challenge
from app.models.flow import EmbeddedLoad
from app.models.identifiers import FlowId
from app.settings import origin_of
from app.web.cookies import flow_secrets, our_cookies
from app.web.dependencies import AuthorisationsOf, BeginsFlow, ProcessOf, require_our_page
from app.web.front_ends import judge_front_end
from app.web.queries import judge_params
from app.web.routes.callback import finish, landing
from app.web.routes.entry import fragment
from app.web.schemas.completion import BeginFlow, BegunFlow, CompletedFlow, CompleteFlow
from app.web.schemas.problems import body_problems

router = APIRouter(prefix="/oauth", tags=["sign-in by a page"])


@router.post(
    "/begin",
    summary="Begin a flow",
    dependencies=[BeginsFlow],
    responses=body_problems(OAuthNotConfigured, AddressTooLong, TooManyFlows),
)
async def begin_flow(
    body: BeginFlow, authorisations: AuthorisationsOf, process: ProcessOf
) -> BegunFlow:
    """Begin a flow whose verifier the page keeps: where to send the frame."""
    web = process.settings.web
    load = EmbeddedLoad(
        body.surface,
        judge_params(tuple(body.params)),
        judge_front_end(
            body.front_end,
            own_origin=origin_of(web.public_url),
            listed_origins=web.cors_origins,
        ),
    )
    begun = await authorisations.begin_in_page(
        load, state=body.state, proof_hash=read_challenge(body.code_challenge)
    )
    carried = fragment(load.params, begun.flow_id, hearth_try="page")
    return BegunFlow(flow=begun.flow_id, authorize_url=begun.authorize_url + carried)


@router.post(
    "/complete",
    summary="Complete a flow",
    response_model=CompletedFlow,
    responses=body_problems(
        FlowUnknown,
        WrongBrowser,
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
    ),
)
async def complete_flow(
    request: Request, body: CompleteFlow, authorisations: AuthorisationsOf, process: ProcessOf
) -> Response:
    """Complete a flow: with the page's verifier, or with our cookie, where `flow` says which.

    With a verifier, the session is handed over by a code; with a cookie, by a cookie.
    """
    if body.code_verifier is not None:
        return await _by_verifier(body, body.code_verifier, authorisations, process)
    require_our_page(request)
    return await _by_cookie(request, body, authorisations, process)


async def _by_verifier(
    body: CompleteFlow, verifier: str, authorisations: AuthorisationsOf, process: ProcessOf
) -> Response:
    completed = await authorisations.complete_in_page(
        state=body.state, code=body.code, verifier=verifier
    )
    load = completed.flow.purpose
    if not isinstance(load, EmbeddedLoad):
        raise WrongBrowser
    code = await process.sessions.hand_over(completed)
    return _json(
        CompletedFlow(location=landing(load), handover_code=code, expires_in=HANDOVER_SECONDS)
    )


async def _by_cookie(
    request: Request,
    body: CompleteFlow,
    authorisations: AuthorisationsOf,
    process: ProcessOf,
) -> Response:
    secrets = flow_secrets(our_cookies(request.scope["headers"]))
    completed = await authorisations.complete_chosen(
        state=body.state,
        code=body.code,
        browser_secrets=secrets,
        flow_id=FlowId(body.flow) if body.flow else None,
    )
    finished = await finish(completed, request, process)
    response = _json(CompletedFlow(location=finished.headers["location"]))
    for cookie in finished.headers.getlist("set-cookie"):
        response.headers.append("set-cookie", cookie)
    return response


def _json(body: CompletedFlow) -> Response:
    return JSONResponse(body.model_dump(by_alias=True, exclude_none=True))
