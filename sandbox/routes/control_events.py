"""The control API, part four: a receiver of your app's webhooks. Infobip has nothing like it."""

import json

from fastapi import APIRouter, HTTPException
from starlette.requests import Request

from sandbox.routes.control_access import WorldDep
from sandbox.routes.control_records import JsonObject, Limit

router = APIRouter(prefix="/_sandbox")

_PREFIX = "webhook-"


@router.post("/received-events", status_code=204)
async def receive_event(world: WorldDep, request: Request) -> None:
    """Takes any JSON, and remembers it with the headers ``webhook-…``."""
    try:
        event = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise HTTPException(422, "The body is not JSON.") from error
    headers = {name: value for name, value in request.headers.items() if name.startswith(_PREFIX)}
    world.received_events.add(headers, event)


@router.get("/received-events")
async def get_received_events(world: WorldDep, limit: Limit = 100) -> list[JsonObject]:
    """What came, newest first."""
    return [received.as_json() for received in world.received_events.newest(limit)]
