"""Conversations: reading one, its messages, and writing into it."""

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.api_access import Call, api_call
from sandbox.clock import rfc3339
from sandbox.messaging import Conversation, Message
from sandbox.problems import service_exception

_LARGEST_LIMIT = 999


class _Content(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    text: str = Field(min_length=1)


class _NewMessage(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    sender: str = Field(alias="from", min_length=1)
    to: str = Field(min_length=1)
    channel: str = Field(min_length=1)
    content_type: str = Field(alias="contentType", pattern="^TEXT$")
    content: _Content


def get_conversation(call: Call) -> Response:
    """``GET /ccaas/1/conversations/{id}``."""
    conversation = _find(call)
    if conversation is None:
        return _not_found()
    return JSONResponse(
        {
            "id": conversation.id,
            "topic": conversation.topic,
            "summary": conversation.summary,
            "status": conversation.status,
            "priority": conversation.priority,
            "queueId": None,
            "agentId": conversation.agent_id,
            "createdAt": rfc3339(conversation.created_at),
            "updatedAt": rfc3339(conversation.updated_at),
        }
    )


def list_messages(call: Call) -> Response:
    """``GET /ccaas/1/conversations/{id}/messages?limit&page&orderBy``."""
    conversation = _find(call)
    if conversation is None:
        return _not_found()
    query = call.request.query_params
    limit, page = _number(query.get("limit", "20")), _number(query.get("page", "0"))
    order_by = query.get("orderBy", "createdAt:ASC")
    if limit is None or page is None or not 1 <= limit <= _LARGEST_LIMIT:
        return _bad_request(f"limit must be 1 to {_LARGEST_LIMIT}, page 0 or more")
    if order_by not in ("createdAt:ASC", "createdAt:DESC"):
        return _bad_request("orderBy must be createdAt:ASC or createdAt:DESC")
    messages = list(conversation.messages)
    if order_by.endswith("DESC"):
        messages.reverse()
    shown = messages[page * limit : (page + 1) * limit]
    return JSONResponse(
        {
            "messages": [_message_json(conversation, message) for message in shown],
            "pagination": {
                "totalItems": len(messages),
                "page": page,
                "limit": limit,
                "orderBy": order_by,
            },
        }
    )


def write_message(call: Call) -> Response:
    """``POST /ccaas/1/conversations/{id}/messages``; a conversation with an agent names it."""
    conversation = _find(call)
    if conversation is None:
        return _not_found()
    agent = conversation.agent_id
    if agent is not None and call.request.headers.get("x-agent-id") != agent:
        return _bad_request("x-agent-id must be the agent of the conversation")
    try:
        new = _NewMessage.model_validate(call.json())
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in detail["loc"])
        return _bad_request(f"{place}: {detail['msg']}" if place else detail["msg"])
    message = call.world.conversations.write(
        conversation,
        sender=new.sender,
        recipient=new.to,
        channel=new.channel,
        text=new.content.text,
    )
    return JSONResponse(_message_json(conversation, message))


def _find(call: Call) -> Conversation | None:
    conversation_id: str = call.request.path_params["conversation_id"]
    return call.world.conversations.get(call.account, conversation_id)


def _message_json(conversation: Conversation, message: Message) -> dict[str, object]:
    return {
        "id": message.id,
        "from": message.sender,
        "to": message.recipient,
        "channel": message.channel,
        "direction": message.direction,
        "conversationId": conversation.id,
        "createdAt": rfc3339(message.created_at),
        "contentType": "TEXT",
        "content": {"text": message.text},
    }


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _not_found() -> Response:
    """400, not 404: seen in the OpenAPI document of Infobip's Conversations API."""
    return service_exception(400, "NOT_FOUND", "Conversation not found")


def _bad_request(text: str) -> Response:
    return service_exception(400, "BAD_REQUEST", text)


_BASE = "/ccaas/1/conversations/{conversation_id}"
routes = [
    Route(_BASE, api_call(get_conversation), methods=["GET"]),
    Route(f"{_BASE}/messages", api_call(list_messages), methods=["GET"]),
    Route(f"{_BASE}/messages", api_call(write_message), methods=["POST"]),
]
