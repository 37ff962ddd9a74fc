"""The built-in pages: static, without secrets, safe to cache."""

from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from app.models.flow import Surface

_UI = Path(__file__).parents[1] / "static" / "ui"

router = APIRouter(tags=["pages"])


@router.get("/ui/context-card", response_class=Response)
async def context_card() -> Response:
    """Where a sign-in on the context card lands."""
    return _page(Surface.CONTEXT_CARD)


@router.get("/ui/settings", response_class=Response)
async def settings() -> Response:
    """Where a sign-in on the settings page lands."""
    return _page(Surface.SETTINGS)


def assets() -> Mount:
    """Scripts and styles of the built-in pages."""
    return Mount("/ui/assets", StaticFiles(directory=_UI / "assets"))


def _page(surface: Surface) -> Response:
    return FileResponse(_UI / f"{surface}.html", headers={"cache-control": "no-cache"})
