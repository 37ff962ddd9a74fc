"""The addresses that Infobip frames. A load always proves identity anew."""

from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request, Response

from app.errors import DatabaseUnavailable
from app.errors.sign_in import OAuthNotConfigured, TooManyFlows
from app.factory import Process
from app.models.flow import FLOW_SECONDS, EmbeddedLoad, Params, Surface
from app.models.identifiers import FlowId
from app.web.cookies import (
    clear_cookie,
    flow_cookies_to_clear,
    flow_secrets,
    new_flow_name,
    our_cookies,
    set_cookie,
)
from app.web.dependencies import AuthorisationsOf, BeginsFlow, ProcessOf
from app.web.front_end_files import redirect_to_front_end, ui_of
from app.web.queries import STATE, read_query, single, without
from app.web.schemas.answers import query_parameters, redirect_answer
from app.web.schemas.problems import page_problems

router = APIRouter(tags=["pages"])


_ANSWERS = redirect_answer(302, "On to Authorize.") | page_problems(
    OAuthNotConfigured, DatabaseUnavailable, TooManyFlows
)
_QUERY = query_parameters(state="Infobip's. All other parameters are kept for the page.")


@router.get(
    "/context-card",
    summary="Begin a sign-in on the context card",
    dependencies=[BeginsFlow],
    response_class=Response,
    status_code=302,
    responses=_ANSWERS,
    openapi_extra=_QUERY,
)
async def enter_context_card(
    request: Request, authorisations: AuthorisationsOf, process: ProcessOf
) -> Response:
    """Infobip loads this beside a conversation: on to Authorize, or to CONTEXT_CARD_UI if that is
    a page elsewhere, which does the same by itself."""
    return await _enter(request, authorisations, process, Surface.CONTEXT_CARD)


@router.get(
    "/settings",
    summary="Begin a sign-in on the settings page",
    dependencies=[BeginsFlow],
    response_class=Response,
    status_code=302,
    responses=_ANSWERS,
    openapi_extra=_QUERY,
)
async def enter_settings(
    request: Request, authorisations: AuthorisationsOf, process: ProcessOf
) -> Response:
    """Infobip loads this as the app's settings page: on to Authorize, or to SETTINGS_UI if that is
    a page elsewhere, which does the same by itself."""
    return await _enter(request, authorisations, process, Surface.SETTINGS)


async def _enter(
    request: Request, authorisations: AuthorisationsOf, process: Process, surface: Surface
) -> Response:
    elsewhere = ui_of(process.settings.pages, surface)
    if isinstance(elsewhere, str):
        return redirect_to_front_end(request, elsewhere)
    return await _begin(request, authorisations, surface)


async def _begin(request: Request, authorisations: AuthorisationsOf, surface: Surface) -> Response:
    query = read_query(request.scope["query_string"])
    cookies = our_cookies(request.scope["headers"])
    params = without(query, "state")
    begun = await authorisations.begin(
        EmbeddedLoad(surface, params),
        state=_state(request, query),
        browser_secrets=flow_secrets(cookies),
    )
    response = Response(status_code=302)
    response.headers["location"] = begun.authorize_url + fragment(params, begun.flow_id)
    response.headers.append(
        "set-cookie",
        set_cookie(new_flow_name(), begun.browser_secret or "", max_age_seconds=FLOW_SECONDS),
    )
    for name in flow_cookies_to_clear(cookies):
        response.headers.append("set-cookie", clear_cookie(name))
    return response


def _state(request: Request, query: Params) -> str | None:
    """Infobip's, which it puts into the addresses of its frames.

    It stands for a user. Where another site has opened a window with it, it may stand for whoever
    made that site, and the person would be signed in as them: then it is not believed.
    """
    given = single(query, "state", form=STATE)
    window = request.headers.get("sec-fetch-dest") == "document"
    by_another_site = request.headers.get("sec-fetch-site") in ("cross-site", "same-site")
    return None if window and by_another_site else given


def fragment(params: Params, flow_id: FlowId, **further: str) -> str:
    """The frame's own parameters and its flow, carried by the frame itself.

    Browsers keep a fragment over redirects that bring none, and send it to nobody. When two
    cards with one `state` are opened at once, nothing in the callback tells which is which;
    the page that the frame ends on can tell by this.
    """
    carried = {"hearth": urlencode(params), "hearth_flow": str(flow_id), **further}
    return "#" + urlencode(carried, quote_via=quote, safe="")
