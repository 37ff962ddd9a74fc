"""What the routes of the control API share."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from sandbox.world import World


async def _world(request: Request) -> World:
    world: World = request.app.state.world
    return world


WorldDep = Annotated[World, Depends(_world)]
