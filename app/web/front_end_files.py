"""Front ends that an operator brings: folders that we serve, pages elsewhere that we lead to."""

import os
import re
from os import PathLike
from pathlib import Path

from fastapi import Request, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.models.flow import Surface
from app.settings import PageSettings

_HASHED = re.compile(r"[-.](?=[A-Za-z0-9_-]*[0-9A-Z])[A-Za-z0-9_-]{8,}\.[a-z0-9]+$", re.ASCII)
"""Names as bundlers make them of what is inside (`index-BfRysPK2.js`): never changed again."""

_FOR_EVER = "public, max-age=31536000, immutable"


class FrontEndFiles(StaticFiles):
    """The files of a built single-page app. What has no extension is one of its own addresses, and
    answered with its index."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, check_dir=False)

    async def get_response(self, path: str, scope: Scope) -> Response:
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404 or Path(path).suffix:
                raise
            response = await super().get_response("index.html", scope)
        return response

    def file_response(
        self,
        full_path: str | PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        hashed = _HASHED.search(Path(full_path).name)
        response.headers["cache-control"] = _FOR_EVER if hashed else "no-cache"
        return response


def ui_of(pages: PageSettings, surface: Surface) -> Path | str | None:
    """The folder or the address of this surface's page; None is the built-in one."""
    return pages.context_card_ui if surface is Surface.CONTEXT_CARD else pages.settings_ui


def front_end_paths(pages: PageSettings) -> tuple[str, ...]:
    """Where front ends in folders are served."""
    return tuple(f"/ui/{surface}" for surface in Surface if isinstance(ui_of(pages, surface), Path))


def redirect_to_front_end(request: Request, url: str) -> Response:
    """On to a page elsewhere, with all parameters: also Infobip's `state`, with which that page
    signs in by itself. A fragment goes along by itself."""
    query = request.scope["query_string"].decode("ascii", "replace")
    joint = "&" if "?" in url else "?"
    return Response(status_code=302, headers={"location": url + (joint + query if query else "")})
