"""The operator's console: static pages without secrets. The key is asked for on the page."""

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from starlette.routing import Mount

from app.web.own_files import ALWAYS_ASKED_FOR, OwnFiles

_CONSOLE = Path(__file__).parents[1] / "static" / "console"

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def show_docs() -> Response:
    """All operations, described and to be tried."""
    return _page("docs.html")


@router.get("/admin/status")
async def show_status() -> Response:
    """The live picture. The page alone is public; what it shows, it fetches with a key."""
    return _page("status.html")


def assets() -> list[Mount]:
    """Scripts and styles of our own, and Swagger UI's."""
    return [
        Mount("/console/assets", OwnFiles(directory=_CONSOLE / "assets")),
        Mount("/console/swagger-ui", OwnFiles(directory=_swagger_ui())),
    ]


def _page(name: str) -> Response:
    return FileResponse(
        _CONSOLE / name, media_type="text/html; charset=utf-8", headers=ALWAYS_ASKED_FOR
    )


def _swagger_ui() -> Path:
    """Where the package has its files; its code, which loads them otherwise, is not imported."""
    found = find_spec("fastapi_swagger")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("The package fastapi-swagger is not installed.")
    return Path(found.submodule_search_locations[0]) / "resources"
