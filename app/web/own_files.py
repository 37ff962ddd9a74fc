"""Hearth's own files. Browsers keep them and ask each time: a new version is seen at once."""

from hashlib import sha256

from fastapi import Request, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.web.preconditions import is_known

ALWAYS_ASKED_FOR = {"cache-control": "no-cache"}


class OwnFiles(StaticFiles):
    """A folder of them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(ALWAYS_ASKED_FOR)
        return response


def own_file(request: Request, content: bytes, *, media_type: str) -> Response:
    """One that is made here; nothing where the browser has it already."""
    tag = sha256(content).hexdigest()[:16]
    headers = ALWAYS_ASKED_FOR | {"etag": f'"{tag}"'}
    if is_known(request.headers, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)
