"""Which methods there are at an address: all of them, not only those of the first route there."""

import re

from fastapi.routing import iter_route_contexts
from starlette.requests import Request


def allowed_methods(request: Request) -> str:
    """The value of `Allow` (RFC 9110 §10.2.1)."""
    path = request.scope["path"]
    found: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        pattern: re.Pattern[str] | None = getattr(route, "path_regex", None)
        if pattern is not None and pattern.match(path):
            found |= route.methods or set()
    return ", ".join(sorted(found))
