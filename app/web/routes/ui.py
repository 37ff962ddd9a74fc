"""The built-in pages, and the module for others: static, without secrets, safe to cache."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.routing import Mount

from app.models.flow import Surface
from app.settings import PageSettings
from app.web.dependencies import ProcessOf
from app.web.embed_module import embed_module
from app.web.front_end_files import FrontEndFiles, redirect_to_front_end, ui_of
from app.web.own_files import ALWAYS_ASKED_FOR, OwnFiles, own_file
from app.web.schemas.answers import page_answer, text_answer

_STATIC = Path(__file__).parents[1] / "static"
_UI = _STATIC / "ui"

router = APIRouter(tags=["pages"])


@router.get(
    "/ui/context-card",
    summary="The context card",
    response_class=Response,
    responses=page_answer("The built-in page, the same for everybody."),
)
async def show_context_card(request: Request, process: ProcessOf) -> Response:
    """Where a sign-in on the context card lands."""
    return _page(Surface.CONTEXT_CARD, request, process.settings.pages)


@router.get(
    "/ui/settings",
    summary="The settings page",
    response_class=Response,
    responses=page_answer("The built-in page, the same for everybody."),
)
async def show_settings(request: Request, process: ProcessOf) -> Response:
    """Where a sign-in on the settings page lands."""
    return _page(Surface.SETTINGS, request, process.settings.pages)


@router.get(
    "/embed.js",
    summary="The module for front ends",
    response_class=Response,
    responses={
        **text_answer("text/javascript", description="An ES module."),
        304: {"description": "As `If-None-Match` has it."},
    },
)
async def load_embed(request: Request) -> Response:
    """The module by which front ends sign in and call Infobip."""
    module = embed_module(_STATIC / "embed.js")
    return own_file(request, module.encode(), media_type="text/javascript; charset=utf-8")


@router.get(
    "/embed.d.ts",
    summary="The module's types",
    response_class=Response,
    responses=text_answer("application/typescript", description="TypeScript declarations."),
)
async def load_embed_types() -> Response:
    """The types of the module."""
    return _file(_STATIC / "embed.d.ts", media_type="application/typescript; charset=utf-8")


def assets(pages: PageSettings) -> list[Mount]:
    """Scripts and styles of the built-in pages, and all files of front ends in folders."""
    front_ends = [
        Mount(f"/ui/{surface}", FrontEndFiles(folder))
        for surface in Surface
        if isinstance(folder := ui_of(pages, surface), Path)
    ]
    return [Mount("/ui/assets", OwnFiles(directory=_UI / "assets")), *front_ends]


def _page(surface: Surface, request: Request, pages: PageSettings) -> Response:
    front_end = ui_of(pages, surface)
    if isinstance(front_end, str):
        return redirect_to_front_end(request, front_end)
    page = front_end / "index.html" if front_end else _UI / f"{surface}.html"
    return _file(page, media_type="text/html; charset=utf-8")


def _file(path: Path, *, media_type: str) -> Response:
    return FileResponse(path, media_type=media_type, headers=ALWAYS_ASKED_FOR)
