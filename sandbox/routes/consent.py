"""Logging in and out, and the decision on the consent page."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.forms import FormError, read_form
from sandbox.login import log_in, log_out, logged_in_user
from sandbox.routes.authorize import consent_page, decline, grant, login_page
from sandbox.world import World

_GONE = "This authorization is over or was decided before. Go back to the app and start again."


async def get_login(request: Request) -> Response:
    """``GET /login``: choose a user; with ``authorization``, on the way to a consent page."""
    world: World = request.app.state.world
    pending_id = request.query_params.get("authorization")
    if pending_id is not None and world.authorizations.pending(pending_id) is None:
        return PlainTextResponse(_GONE, 400)
    return login_page(world, request, pending_id)


async def post_login(request: Request) -> Response:
    """``POST /login``: log in as the chosen user, then go to the consent page or the start."""
    world: World = request.app.state.world
    try:
        form = await read_form(request)
    except FormError as error:
        return PlainTextResponse(error.reason, error.status)
    user = world.directory.user(form.get("userKey", ""))
    if user is None:
        return PlainTextResponse("There is no such user.", 400)
    pending_id = form.get("authorization")
    if pending_id is None:
        response: Response = RedirectResponse("/", 303)
    elif world.authorizations.pending(pending_id) is None:
        return PlainTextResponse(_GONE, 400)
    else:
        response = RedirectResponse(f"/consent/{pending_id}", 303)
    log_in(request, response, user)
    return response


async def post_logout(request: Request) -> Response:  # noqa: ARG001 - a route's signature
    """``POST /logout``: forget who it is and ask again."""
    response = RedirectResponse("/login", 303)
    log_out(response)
    return response


async def get_consent(request: Request) -> Response:
    """``GET /consent/{id}``: the consent page after a login."""
    world: World = request.app.state.world
    pending_id: str = request.path_params["pending_id"]
    pending = world.authorizations.pending(pending_id)
    if pending is None:
        return PlainTextResponse(_GONE, 400)
    user = logged_in_user(world, request)
    if user is None:
        return login_page(world, request, pending_id)
    return consent_page(request, pending.request, user, pending_id)


async def post_consent(request: Request) -> Response:
    """``POST /consent/{id}``: Accept leads to the app with a code, Cancel to where it began."""
    world: World = request.app.state.world
    try:
        form = await read_form(request)
    except FormError as error:
        return PlainTextResponse(error.reason, error.status)
    user, decision = logged_in_user(world, request), form.get("decision")
    if user is None or user.key != form.get("userKey"):
        return PlainTextResponse("Somebody else is logged in by now. Load the page again.", 400)
    if decision not in ("accept", "cancel"):
        return PlainTextResponse("decision must be accept or cancel.", 400)
    pending = world.authorizations.close_consent(request.path_params["pending_id"])
    if pending is None:
        return PlainTextResponse(_GONE, 400)
    if decision == "cancel":
        return decline(world, pending, user)
    return grant(world, pending.request, user, "accepted on the consent page")


routes = [
    Route("/login", get_login, methods=["GET"]),
    Route("/login", post_login, methods=["POST"]),
    Route("/logout", post_logout, methods=["POST"]),
    Route("/consent/{pending_id}", get_consent, methods=["GET"]),
    Route("/consent/{pending_id}", post_consent, methods=["POST"]),
]
