"""Who makes an API call, and what is around every such call."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from sandbox.directory import Account, User
from sandbox.problems import error_code, service_exception
from sandbox.trouble import with_trouble
from sandbox.world import World

_LARGEST_BODY = 1_048_576


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated API call with its body in memory."""

    world: World
    request: Request
    account: Account
    user: User | None
    body: bytes

    def json(self) -> dict[str, object]:
        """The body as a JSON object; what is none becomes ``{}``, which no call accepts either."""
        try:
            parsed = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return parsed if isinstance(parsed, dict) else {}


Handler = Callable[[Call], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


def api_call(handler: Handler) -> Endpoint:
    """Make a route of ``handler``: authenticate, count, log, and get into ordered trouble."""

    async def endpoint(request: Request) -> Response:
        world: World = request.app.state.world
        world.log.count("apiCalls")
        body = await _read(request)
        if body is None:
            return service_exception(413, "REQUEST_TOO_LARGE", "The body is too large")
        return await with_trouble(
            world,
            "api",
            act=lambda: _act(world, request, body, handler),
            refuse=lambda: unauthorized(request),
        )

    return endpoint


def unauthorized(request: Request) -> Response:
    """401 in the shape that the path's API has."""
    if request.url.path.startswith("/sms/3/"):
        return error_code(
            401,
            "The request lacks valid authentication credentials.",
            action="Check the Authorization header.",
        )
    return service_exception(401, "UNAUTHORIZED", "Invalid login details")


def _act(world: World, request: Request, body: bytes, handler: Handler) -> Response:
    caller = _authenticate(world, request)
    if caller is None:
        response = unauthorized(request)
        user = None
    else:
        account, user = caller
        response = handler(Call(world, request, account, user, body))
    outcome = f"{request.method} {request.url.path[:120]} → {response.status_code}"
    world.log.add("api", outcome, user=user)
    return response


def _authenticate(world: World, request: Request) -> tuple[Account, User | None] | None:
    """``IBSSO <live token>`` speaks for a user, ``App <API key>`` for an account."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme == "IBSSO":
        token = world.tokens.find(credential)
        return (token.user.account, token.user) if token else None
    if scheme == "App":
        account = world.directory.account_of_api_key(credential)
        return (account, None) if account else None
    return None


async def _read(request: Request) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            return None
    return bytes(body)
