"""The control API, part two: what happened, and making users, states and tokens."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from pydantic import Field

from sandbox.directory import Account, App, User
from sandbox.renewals import RenewalRecord
from sandbox.routes.control_access import WorldDep
from sandbox.settings import CamelModel
from sandbox.world import World

router = APIRouter(prefix="/_sandbox")

JsonObject = dict[str, object]
Limit = Annotated[int, Query(ge=1, le=2000)]

_MOST_USERS = 200_000


class Whom(CamelModel):
    """For whom something is made: one known user, or as many new ones as ``count`` says."""

    user_key: str | None = None
    account_key: str | None = None
    """The account of new users; the first one by default."""
    new_users: bool = False
    count: int = Field(default=1, ge=1, le=20_000)


class WhoseTokens(Whom):
    """For whom tokens are made, and for which app (the first one by default)."""

    client_id: str | None = None


class Revocation(CamelModel):
    """Whose tokens to kill: those of a user, or all."""

    user_key: str | None = None
    all: bool = False


@router.get("/log")
async def get_log(world: WorldDep, limit: Limit = 100) -> list[JsonObject]:
    """What happened, newest first: number, time, kind, outcome, user, the token's last four."""
    return [entry.as_json() for entry in world.log.newest(limit)]


@router.get("/messages")
async def get_messages(world: WorldDep, limit: Limit = 100) -> list[JsonObject]:
    """The SMS that were sent, newest first."""
    return [sms.as_json() for sms in world.outbox.newest(limit)]


@router.get("/tokens")
async def get_tokens(world: WorldDep, limit: Limit = 100) -> list[JsonObject]:
    """Live tokens, the most recently renewed first, by their last four characters."""
    newest = world.tokens.live()[: -limit - 1 : -1]
    return [
        {
            "token": token.tail,
            "user": token.user.name,
            "userKey": token.user.key,
            "accountKey": token.user.account.key,
            "app": token.app.name,
            "secondsLeft": round(world.tokens.seconds_left(token), 1),
            "renewals": token.renewals,
        }
        for token in newest
    ]


@router.delete("/renewals", status_code=204)
async def forget_renewals(world: WorldDep) -> None:
    """Begin the record of renewals anew; ``GET /_sandbox/state`` shows it."""
    world.tokens.record = RenewalRecord()


@router.post("/tokens", status_code=201)
async def make_tokens(world: WorldDep, whose: WhoseTokens) -> JsonObject:
    """Make live tokens without the redirects, in full: for load tests that need thousands."""
    app = _app(world, whose.client_id)
    seconds = world.settings.token_lifetime_seconds
    made = [world.tokens.issue(user, app, seconds=seconds) for user in _users(world, whose)]
    return {
        "tokens": [
            {
                "token": token.value,
                "userKey": token.user.key,
                "accountKey": token.user.account.key,
            }
            for token in made
        ]
    }


@router.post("/tokens/revoke")
async def revoke_tokens(world: WorldDep, revocation: Revocation) -> JsonObject:
    """Kill the live tokens of one user, or all of them."""
    if revocation.all == (revocation.user_key is not None):
        raise HTTPException(400, "Give either userKey or all: true.")
    if revocation.all:
        count, user = world.tokens.revoke(lambda _: True), None
    else:
        user = _user(world, revocation.user_key)
        count = world.tokens.revoke(lambda token: token.user.key == revocation.user_key)
    world.log.add("control", f"{count} tokens revoked", user=user)
    return {"revoked": count}


@router.post("/embedded-states", status_code=201)
async def make_embedded_states(world: WorldDep, whom: Whom) -> JsonObject:
    """Issue states as the web interface does for its frames; ``state`` is the first of them."""
    states = [
        {
            "state": world.authorizations.issue_state(user),
            "userKey": user.key,
            "accountKey": user.account.key,
        }
        for user in _users(world, whom)
    ]
    return {**states[0], "states": states}


@router.post("/users", status_code=201)
async def make_users(world: WorldDep, whom: Whom) -> JsonObject:
    """Add ``count`` generated users to an account."""
    if whom.user_key is not None:
        raise HTTPException(400, "New users get their own userKey.")
    made = _users(world, whom.model_copy(update={"new_users": True}))
    return {"users": [{"userKey": user.key, "accountKey": user.account.key} for user in made]}


def _users(world: World, whom: Whom) -> list[User]:
    if not whom.new_users:
        return [_user(world, whom.user_key)] * whom.count
    if whom.user_key is not None:
        raise HTTPException(400, "Give either userKey or newUsers: true.")
    if world.directory.user_count + whom.count > _MOST_USERS:
        raise HTTPException(400, f"There can be {_MOST_USERS} users at most.")
    account = _account(world, whom.account_key)
    return [world.directory.add_generated_user(account) for _ in range(whom.count)]


def _user(world: World, key: str | None) -> User:
    user = world.directory.named_users[0] if key is None else world.directory.user(key)
    if user is None:
        raise HTTPException(400, "There is no user with this userKey.")
    return user


def _account(world: World, key: str | None) -> Account:
    account = world.directory.accounts[0] if key is None else world.directory.account(key)
    if account is None:
        raise HTTPException(400, "There is no account with this accountKey.")
    return account


def _app(world: World, client_id: str | None) -> App:
    directory = world.directory
    app = directory.apps[0] if client_id is None else directory.app_of_client(client_id)
    if app is None:
        raise HTTPException(400, "There is no app with this clientId.")
    return app
