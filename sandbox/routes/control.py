"""The control API, part one: how the sandbox behaves.

Everything under ``/_sandbox`` is for people and tests that steer the sandbox; Infobip has nothing
like it. Bodies are JSON in camelCase; what is malformed is answered with 422.
"""

from typing import Annotated

from fastapi import APIRouter, Body, HTTPException
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError

from sandbox.clock import rfc3339
from sandbox.directory import Account, User
from sandbox.faults import Fault
from sandbox.routes.control_access import WorldDep
from sandbox.settings import CamelModel, Settings
from sandbox.world import World

router = APIRouter(prefix="/_sandbox")

JsonObject = dict[str, object]


class Advance(CamelModel):
    """How far to move the clock."""

    advance_seconds: float = Field(ge=0, le=315_360_000)


@router.get("/state")
async def get_state(world: WorldDep) -> JsonObject:
    """Settings, ordered faults, counters, clock, and everything that has a key or a secret."""
    directory = world.directory
    return {
        "settings": world.settings.model_dump(),
        "faults": world.faults.as_json(),
        "counters": dict(world.log.counters),
        "refusals": dict(world.log.refusals),
        "renewals": world.tokens.record.as_json(),
        "liveTokens": len(world.tokens.live()),
        "clock": _clock(world),
        "accounts": [_account(account) for account in directory.accounts],
        "users": [_user(user) for user in directory.named_users],
        "userCount": directory.user_count,
        "apps": [app.as_json() for app in directory.apps],
    }


@router.patch("/settings")
async def patch_settings(
    world: WorldDep, changes: Annotated[dict[str, object], Body()]
) -> JsonObject:
    """Change the settings that are named; the others stay. Answers with all of them."""
    try:
        world.settings = Settings.model_validate({**world.settings.model_dump(), **changes})
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from error
    named = ", ".join(f"{name} = {value}" for name, value in changes.items())
    world.log.add("control", f"settings: {named[:200]}")
    return world.settings.model_dump()


@router.get("/faults")
async def get_faults(world: WorldDep) -> list[JsonObject]:
    """The ordered faults, how often each struck, and how often it still will."""
    return world.faults.as_json()


@router.put("/faults")
async def put_faults(
    world: WorldDep, faults: Annotated[list[Fault], Field(max_length=100)]
) -> list[JsonObject]:
    """Replace the ordered faults with a list of new ones."""
    world.faults.replace(faults)
    named = ", ".join(f"{fault.kind} on {fault.target}" for fault in faults)
    world.log.add("control", f"faults: {named[:200] or 'none'}")
    return world.faults.as_json()


@router.delete("/faults", status_code=204)
async def delete_faults(world: WorldDep) -> None:
    """Forget all faults."""
    world.faults.replace(())
    world.log.add("control", "faults: none")


@router.post("/clock")
async def advance_clock(world: WorldDep, advance: Advance) -> JsonObject:
    """Let time pass at once, for tokens, codes, states and open consents."""
    if world.clock.advanced + advance.advance_seconds > 3_153_600_000:
        raise HTTPException(400, "The clock is a hundred years ahead already; reset it first.")
    world.clock.advance(advance.advance_seconds)
    world.log.add("control", f"clock: {advance.advance_seconds:g} s forward")
    return _clock(world)


@router.post("/reset")
async def reset(world: WorldDep) -> JsonObject:
    """Forget everything that happened: settings, faults, tokens, apps, messages, log, clock."""
    world.reset()
    return await get_state(world)


def _clock(world: World) -> JsonObject:
    return {"now": rfc3339(world.clock.now()), "advancedSeconds": world.clock.advanced}


def _account(account: Account) -> JsonObject:
    return {"accountKey": account.key, "name": account.name, "apiKey": account.api_key}


def _user(user: User) -> JsonObject:
    return {
        "userKey": user.key,
        "accountKey": user.account.key,
        "name": user.name,
        "username": user.username,
        "email": user.email,
        "locale": user.locale,
        "roles": user.roles,
        "groups": user.groups,
    }
