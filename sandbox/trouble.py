"""Latency and faults, put around whatever a route does."""

import asyncio
import secrets
from collections.abc import Callable

from starlette.responses import Response

from sandbox.connection import DroppedConnection, SilentConnection
from sandbox.faults import Fault, Kind, Target
from sandbox.problems import service_exception
from sandbox.world import World

Act = Callable[[], Response]

_CHANCE = secrets.SystemRandom()
_ERRORS: dict[Kind, tuple[int, str, str]] = {
    "error500": (500, "GENERAL_ERROR", "Something went wrong"),
    "error503": (503, "SERVICE_UNAVAILABLE", "Try again later"),
    "throttle429": (429, "TOO_MANY_REQUESTS", "Too many requests"),
}
_BODIES: dict[Kind, tuple[str | None, str]] = {
    "html": ("text/html", "<!doctype html><title>Maintenance</title><h1>Back soon</h1>"),
    "empty": (None, ""),
    "text": ("text/plain", "upstream connect error"),
    "noToken": ("application/json", '{"tokenType":"IBSSO"}'),
}


async def with_trouble(world: World, *targets: Target, act: Act, refuse: Act) -> Response:
    """Answer with ``act()``, unless a fault for one of ``targets`` strikes.

    ``refuse`` makes the refusal that fits the route. All waiting is in real time, and comes before
    acting, so that a client which gives up early has changed nothing; but for ``slowAfter``.
    """
    await _latency(world)
    fault = world.faults.strike(*targets)
    if fault is None:
        return act()
    world.log.count("faults")
    world.log.add("fault", f"{fault.kind} on {targets[0]}")
    if fault.kind == "slowAfter":
        answer = act()
        await asyncio.sleep(fault.delay_seconds or 0)
        return answer
    if fault.delay_seconds:
        await asyncio.sleep(fault.delay_seconds)
    if fault.kind == "slow":
        return act()
    if fault.kind == "dropAfter":
        act()
        return DroppedConnection()
    if fault.kind == "refuse":
        return refuse()
    return _misbehave(fault)


async def _latency(world: World) -> None:
    settings = world.settings
    seconds = settings.latency_seconds + settings.latency_jitter_seconds * _CHANCE.random()
    if seconds > 0:
        await asyncio.sleep(seconds)


def _misbehave(fault: Fault) -> Response:
    if fault.kind in _ERRORS:
        retry = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        return service_exception(*_ERRORS[fault.kind], headers=retry)
    if fault.kind == "hang":
        return SilentConnection()
    if fault.kind == "drop":
        return DroppedConnection()
    media_type, body = _BODIES[fault.kind]
    return Response(body, fault.status or 200, media_type=media_type)
