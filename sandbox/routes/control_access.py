"""What the routes of the control API share."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException
from starlette.requests import Request

from sandbox.world import World


async def _world(request: Request) -> World:
    world: World = request.app.state.world
    return world


async def _own_pages_only(request: Request) -> None:
    """Refuse other sites' pages. Browsers name the page's origin; tools and tests send none."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, "Pages of other origins may not steer the sandbox.")


WorldDep = Annotated[World, Depends(_world)]
own_pages_only = Depends(_own_pages_only)
