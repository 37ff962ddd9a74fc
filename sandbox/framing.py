"""Which app the web interface frames in this browser."""

from starlette.requests import Request
from starlette.responses import Response

from sandbox.directory import App
from sandbox.world import World

_COOKIE = "sandbox-app"


def framed_app(world: World, request: Request) -> App:
    """The app of ``?app=`` (an app id), else the one that was chosen last, else the first."""
    chosen = (request.query_params.get("app"), request.cookies.get(_COOKIE))
    known = (world.directory.app(app_id) for app_id in chosen if app_id)
    return next((app for app in known if app is not None), world.directory.apps[0])


def remember_framed_app(request: Request, response: Response, app: App) -> None:
    """Keep the choice, when there was one, for the pages that come."""
    if request.query_params.get("app") == app.app_id:
        response.set_cookie(_COOKIE, app.app_id, httponly=True, samesite="lax")
