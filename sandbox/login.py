"""Who is logged in to the sandbox in this browser."""

from starlette.requests import Request
from starlette.responses import Response

from sandbox.directory import User
from sandbox.loopback import is_loopback
from sandbox.world import World

_COOKIE = "sandbox-login"


def logged_in_user(world: World, request: Request) -> User | None:
    """The user whom the login cookie names. There are no passwords, so it is just the key."""
    key = request.cookies.get(_COOKIE)
    return world.directory.user(key) if key else None


def log_in(request: Request, response: Response, user: User) -> None:
    """Set the login cookie.

    An app in a frame of ours sends the browser back to Authorize, and then the request comes from
    the app's site: Lax is withheld, ``SameSite=None`` is sent. That needs ``Secure``, which
    browsers take over plain HTTP from this machine itself only. ``Partitioned`` is not needed: the
    page at the top is ours as well.
    """
    host = request.url.hostname or ""
    loopback = is_loopback(host) or host.endswith(".localhost")
    trusted = request.url.scheme == "https" or loopback
    response.set_cookie(
        _COOKIE,
        user.key,
        httponly=True,
        secure=trusted,
        samesite="none" if trusted else "lax",
    )


def log_out(response: Response) -> None:
    """Remove the login cookie."""
    response.delete_cookie(_COOKIE)
