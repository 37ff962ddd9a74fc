"""The addresses that Infobip frames. A load always proves identity anew."""

import re
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request, Response

from app.connections.authorisation import FLOW_SECONDS
from app.models.flow import Flow, Params, Surface
from app.web.cookies import (
    clear_cookie,
    flow_cookies_to_clear,
    new_flow_name,
    our_cookies,
    set_cookie,
)
from app.web.dependencies import ProcessOf
from app.web.queries import read_query, single, without

router = APIRouter(tags=["pages"])

STATE = re.compile(r"[\x20-\x7e]{1,512}", re.ASCII)


@router.get("/context-card", response_class=Response, status_code=302)
async def context_card(request: Request, process: ProcessOf) -> Response:
    """Infobip loads this beside a conversation: on to Authorize."""
    return await _begin(request, process, Surface.CONTEXT_CARD)


@router.get("/settings", response_class=Response, status_code=302)
async def settings(request: Request, process: ProcessOf) -> Response:
    """Infobip loads this as the app's settings page: on to Authorize."""
    return await _begin(request, process, Surface.SETTINGS)


async def _begin(request: Request, process: ProcessOf, surface: Surface) -> Response:
    query = read_query(request.scope["query_string"])
    params = without(query, "state")
    begun = await process.authorisations.begin(
        Flow(surface, params), state=single(query, "state", form=STATE)
    )
    response = Response(status_code=302)
    response.headers["location"] = f"{begun.authorize_url}#{_fragment(params)}"
    response.headers.append(
        "set-cookie",
        set_cookie(new_flow_name(), begun.browser_secret, max_age_seconds=FLOW_SECONDS),
    )
    for name in flow_cookies_to_clear(our_cookies(request.scope["headers"])):
        response.headers.append("set-cookie", clear_cookie(name))
    return response


def _fragment(params: Params) -> str:
    """The frame's own parameters, carried by the frame itself.

    Browsers keep a fragment over redirects that bring none, and send it to nobody. When two
    cards with one `state` are opened at once, nothing in the callback tells which is which;
    the page that the frame ends on can tell by this.
    """
    return f"hearth={quote(urlencode(params), safe='')}"
