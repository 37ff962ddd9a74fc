"""The web-interface look-alike: conversations with the context card, and app settings."""

from collections.abc import Mapping
from typing import get_args
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.directory import User
from sandbox.faults import Kind, Target
from sandbox.forms import FormError, read_form
from sandbox.framing import framed_app, remember_framed_app
from sandbox.login import log_in, logged_in_user
from sandbox.messaging import Conversation
from sandbox.pages import page
from sandbox.world import World

_LONGEST_REPLY = 2_000


async def show_conversations(request: Request) -> Response:
    """``GET /?conversation=&app=``: the list, one conversation, and beside it the app's card.

    Whoever comes without a login becomes the first user: a demo should open, not ask.
    """
    world: World = request.app.state.world
    user = _user(world, request)
    conversations = world.conversations.of(user.account)
    opened = _opened(conversations, request.query_params.get("conversation"))
    app = framed_app(world, request)
    state = world.authorizations.issue_state(user)
    response = page(
        request,
        "conversations.html",
        {
            **_frame(world, request, user, "conversations"),
            "conversations": conversations,
            "opened": opened,
            "frame_url": _with(app.card_url, {"state": state, "conversationId": opened.id}),
        },
    )
    return _remember(request, response, user)


async def show_thread(request: Request) -> Response:
    """``GET /conversations/{id}/thread``: just the messages, for the page's own refresh."""
    world: World = request.app.state.world
    user = _user(world, request)
    conversation = world.conversations.get(user.account, request.path_params["conversation_id"])
    if conversation is None:
        return PlainTextResponse("There is no such conversation.", 404)
    return page(request, "thread.html", {"opened": conversation})


async def reply(request: Request) -> Response:
    """``POST /conversations/{id}/reply``: write to the customer from the web interface."""
    world: World = request.app.state.world
    user = logged_in_user(world, request)
    try:
        text = (await read_form(request)).get("text", "").strip()
    except FormError as error:
        return PlainTextResponse(error.reason, error.status)
    if user is None or not 0 < len(text) <= _LONGEST_REPLY:
        return PlainTextResponse("Log in and write something, but not a novel.", 400)
    conversation = world.conversations.get(user.account, request.path_params["conversation_id"])
    if conversation is None:
        return PlainTextResponse("There is no such conversation.", 404)
    world.conversations.write(
        conversation,
        sender=user.name,
        recipient=conversation.person.phone,
        channel="SMS",
        text=text,
    )
    return RedirectResponse("/?" + urlencode({"conversation": conversation.id}), 303)


async def show_settings(request: Request) -> Response:
    """``GET /app-settings?app=``: the app's settings page over the full width."""
    world: World = request.app.state.world
    user = _user(world, request)
    app = framed_app(world, request)
    state = world.authorizations.issue_state(user)
    response = page(
        request,
        "app_settings.html",
        {
            **_frame(world, request, user, "settings"),
            "frame_url": _with(app.settings_url, {"state": state}),
        },
    )
    return _remember(request, response, user)


async def show_panel(request: Request) -> Response:
    """``GET /panel``: the control panel."""
    world: World = request.app.state.world
    user = _user(world, request)
    return page(
        request,
        "panel.html",
        {
            **_frame(world, request, user, "panel"),
            "app_url": world.config.app_url,
            "targets": get_args(Target),
            "kinds": get_args(Kind),
            "origin": f"{request.url.scheme}://{request.url.netloc}",
        },
    )


def _frame(world: World, request: Request, user: User, view: str) -> dict[str, object]:
    """What every page of the web interface shows around its content."""
    return {
        "user": user,
        "accounts": [(a, world.directory.users_of(a)) for a in world.directory.accounts],
        "app": framed_app(world, request),
        "apps": world.directory.apps,
        "view": view,
    }


def _user(world: World, request: Request) -> User:
    return logged_in_user(world, request) or world.directory.named_users[0]


def _remember(request: Request, response: Response, user: User) -> Response:
    """Keep the chosen app, and log in whoever came without a login (or with an undone one)."""
    world: World = request.app.state.world
    if logged_in_user(world, request) is None:
        log_in(request, response, user)
    remember_framed_app(request, response, framed_app(world, request))
    return response


def _opened(conversations: list[Conversation], wanted: str | None) -> Conversation:
    for conversation in conversations:
        if conversation.id == wanted:
            return conversation
    return conversations[0]


def _with(url: str, parameters: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"


_CONVERSATION = "/conversations/{conversation_id}"
routes = [
    Route("/", show_conversations, methods=["GET"]),
    Route(f"{_CONVERSATION}/thread", show_thread, methods=["GET"]),
    Route(f"{_CONVERSATION}/reply", reply, methods=["POST"]),
    Route("/app-settings", show_settings, methods=["GET"]),
    Route("/panel", show_panel, methods=["GET"]),
]
