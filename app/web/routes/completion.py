"""Flows whose proof the page keeps itself: PKCE where cookies do not go along."""

import re
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from app.embed.sessions import HANDOVER_SECONDS
from app.errors import MalformedRequest, WrongBrowser
from app.infobip.pkce import VERIFIER, read_challenge
from app.models.flow import EmbeddedLoad, Surface
from app.models.identifiers import FlowId
from app.settings import origin_of
from app.web.cookies import flow_secrets, our_cookies
from app.web.dependencies import AuthorisationsOf, ProcessOf, require_our_page
from app.web.front_ends import judge_front_end
from app.web.queries import judge_params
from app.web.routes.callback import CODE, finish, landing
from app.web.routes.entry import STATE, fragment

router = APIRouter(prefix="/oauth", tags=["sign-in by a page"])


def _of(form: re.Pattern[str]) -> AfterValidator:
    def check(value: str) -> str:
        if not form.fullmatch(value):
            raise ValueError("is malformed")
        return value

    return AfterValidator(check)


def _challenge(value: str) -> str:
    read_challenge(value)
    return value


State = Annotated[str, _of(STATE)]
Short = Annotated[str, StringConstraints(max_length=4_096)]


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", hide_input_in_errors=True)


class BeginBody(_Body):
    """A load that begins. `params` are the page's own query parameters."""

    surface: Surface
    state: State | None = None
    params: list[tuple[Short, Short]] = Field(default=[], max_length=64)
    code_challenge: Annotated[str, AfterValidator(_challenge)]
    front_end: Short | None = None
    """The page that completes the flow, where it is not ours."""


class BegunJson(_Body):
    """Where to go, and under which name to keep the verifier."""

    flow: UUID
    authorize_url: str


class CompleteBody(_Body):
    """What the callback brought, and the proof: a verifier, or `flow` beside our cookies."""

    state: State
    code: Annotated[str, _of(CODE)]
    code_verifier: Annotated[str, _of(VERIFIER)] | None = None
    flow: UUID | None = None


class CompletedJson(_Body):
    """Where to go on. `handoverCode` is good once, for `expiresIn` seconds."""

    location: str
    handover_code: str | None = None
    expires_in: int | None = None


@router.post("/begin")
async def begin(body: BeginBody, authorisations: AuthorisationsOf, process: ProcessOf) -> BegunJson:
    """Begin a flow whose verifier the page keeps: where to send the frame."""
    web = process.settings.web
    load = EmbeddedLoad(
        body.surface,
        judge_params(tuple((name, value) for name, value in body.params)),
        judge_front_end(
            body.front_end, allowed_origins={*web.cors_origins, origin_of(web.public_url)}
        ),
    )
    begun = await authorisations.begin_in_page(
        load, state=body.state, proof_hash=read_challenge(body.code_challenge)
    )
    carried = fragment(load.params, begun.flow_id, hearth_try="page")
    return BegunJson(flow=begun.flow_id, authorizeUrl=begun.authorize_url + carried)


@router.post("/complete", response_model=CompletedJson, response_model_exclude_none=True)
async def complete(
    request: Request, body: CompleteBody, authorisations: AuthorisationsOf, process: ProcessOf
) -> Response:
    """Complete a flow: with the page's verifier, or with our cookie where `flow` says which.

    With a verifier, the session is handed over by a code; with a cookie, by a cookie.
    """
    if body.code_verifier is not None:
        completed = await authorisations.complete_in_page(
            state=body.state, code=body.code, verifier=body.code_verifier
        )
        load = completed.flow.purpose
        if not isinstance(load, EmbeddedLoad):
            raise WrongBrowser
        return _json(
            CompletedJson(
                location=landing(load),
                handoverCode=await process.sessions.hand_over(completed),
                expiresIn=HANDOVER_SECONDS,
            )
        )
    if body.flow is None:
        raise MalformedRequest("codeVerifier is missing.")
    require_our_page(request)
    secrets = flow_secrets(our_cookies(request.scope["headers"]))
    completed = await authorisations.complete_known(
        state=body.state, code=body.code, browser_secrets=secrets, flow_id=FlowId(body.flow)
    )
    finished = await finish(completed, request, process)
    response = _json(CompletedJson(location=finished.headers["location"]))
    for cookie in finished.headers.getlist("set-cookie"):
        response.headers.append("set-cookie", cookie)
    return response


def _json(body: CompletedJson) -> Response:
    return JSONResponse(body.model_dump(by_alias=True, exclude_none=True))
