"""The one redirect URI of all flows."""

import re

from fastapi import APIRouter, Request, Response

from app.errors import MalformedRequest
from app.web.cookies import (
    SESSION_COOKIE,
    clear_cookie,
    flow_cookies_to_clear,
    flow_secrets,
    our_cookies,
    set_cookie,
)
from app.web.dependencies import ProcessOf
from app.web.queries import read_query, single, with_query
from app.web.routes.entry import STATE

router = APIRouter(tags=["pages"])

# Documented: 16 hexadecimal characters. Anything that is safe to send on is accepted.
_CODE = re.compile(r"[\x21-\x7e]{1,512}", re.ASCII)
_ERROR = re.compile(r"[\x20-\x7e]{1,128}", re.ASCII)


@router.get("/oauth/callback", response_class=Response, status_code=303)
async def callback(request: Request, process: ProcessOf) -> Response:
    """Back from Authorize: prove the browser, trade the code, sign in, on to the page."""
    query = read_query(request.scope["query_string"])
    state = single(query, "state", form=STATE)
    code = single(query, "code", form=_CODE)
    error = single(query, "error", form=_ERROR)
    cookies = our_cookies(request.scope["headers"])
    secrets = flow_secrets(cookies)
    if state is None or (code is None) == (error is None):
        raise MalformedRequest("The answer from Infobip is incomplete. Reload the page.")
    if error is not None:
        raise await process.authorisations.fail(state=state, error=error, browser_secrets=secrets)
    completed = await process.authorisations.complete(
        state=state, code=code or "", browser_secrets=secrets
    )
    token = await process.sessions.sign_in(completed, replacing=cookies.get(SESSION_COOKIE))
    response = Response(status_code=303)
    response.headers["location"] = with_query(
        f"/ui/{completed.flow.surface}", completed.flow.params
    )
    life = process.settings.web.session_absolute_seconds
    response.headers.append("set-cookie", set_cookie(SESSION_COOKIE, token, max_age_seconds=life))
    for name in flow_cookies_to_clear(cookies, finished=completed.browser_secret):
        response.headers.append("set-cookie", clear_cookie(name))
    return response
