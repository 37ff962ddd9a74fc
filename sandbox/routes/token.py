"""``POST /exchange/1/oauth/token``: code exchange and refresh."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.faults import Target
from sandbox.forms import FormError, read_form
from sandbox.log import Kind
from sandbox.token_endpoint import Form, TokenEndpoint, TokenRefusedError
from sandbox.trouble import with_trouble
from sandbox.world import World

_NO_STORE = {"Cache-Control": "no-store"}


async def token(request: Request) -> Response:
    """Dispatch on ``grant_type``; everything wrong is a JSON error with 4xx."""
    world: World = request.app.state.world
    world.log.count("tokenRequests")
    try:
        form = await read_form(request)
    except FormError as error:
        refusal = TokenRefusedError("invalid_request", error.reason, cause="malformed")
        return _refuse(world, refusal, status=error.status)
    grant_type = form.get("grant_type")
    if grant_type == "refresh_token":
        return await _serve(world, form, "refresh")
    if grant_type == "authorization_code":
        return await _serve(world, form, "exchange")
    if not grant_type:
        return _refuse(
            world,
            TokenRefusedError("invalid_request", "grant_type is required", cause="malformed"),
        )
    unsupported = "grant_type must be authorization_code or refresh_token"
    return _refuse(
        world, TokenRefusedError("unsupported_grant_type", unsupported, cause="malformed")
    )


async def _serve(world: World, form: Form, target: Target) -> Response:
    ordered = TokenRefusedError("invalid_grant", "refused by a fault", cause="fault")
    return await with_trouble(
        world,
        target,
        "token",
        act=lambda: _act(world, form, target),
        refuse=lambda: _refuse(world, ordered),
    )


def _act(world: World, form: Form, target: Target) -> Response:
    endpoint = TokenEndpoint(world)
    kind: Kind = "refresh" if target == "refresh" else "exchange"
    try:
        granted = endpoint.refresh(form) if target == "refresh" else endpoint.exchange(form)
    except TokenRefusedError as refusal:
        return _refuse(world, refusal)
    world.log.count("refreshes" if kind == "refresh" else "exchanges")
    outcome = f"renewal {granted.renewals}" if granted.renewals else "token issued"
    world.log.add(kind, outcome, user=granted.user, token=granted.value)
    return JSONResponse(endpoint.answer(granted), headers=_NO_STORE)


def _refuse(world: World, refusal: TokenRefusedError, *, status: int | None = None) -> Response:
    world.log.refused(refusal.cause, refusal.description, user=refusal.user, token=refusal.token)
    body = {"error": refusal.error, "error_description": refusal.description}
    return JSONResponse(body, status or refusal.status, headers=_NO_STORE)


routes = [Route("/exchange/1/oauth/token", token, methods=["POST"])]
