"""Sending SMS, by the older and the newer API."""

import uuid
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.api_access import Call, api_call
from sandbox.problems import error_code, service_exception

_PENDING = {
    "groupId": 1,
    "groupName": "PENDING",
    "id": 26,
    "name": "PENDING_ACCEPTED",
    "description": "Message sent to next instance",
}


class _Wire(BaseModel):
    """A part of a request body; Infobip's fields that the sandbox does not use are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore")


class _Destination(_Wire):
    to: str = Field(pattern=r"^\+?[0-9]{3,20}$")


class _MessageV2(_Wire):
    destinations: list[_Destination] = Field(min_length=1)
    sender: str = Field(default="InfoSMS", alias="from", min_length=1)
    text: str = Field(min_length=1)


class _BodyV2(_Wire):
    messages: list[_MessageV2] = Field(min_length=1)


class _Content(_Wire):
    text: str = Field(min_length=1)


class _MessageV3(_Wire):
    destinations: list[_Destination] = Field(min_length=1)
    sender: str = Field(default="InfoSMS", min_length=1)
    content: _Content


class _BodyV3(_Wire):
    messages: list[_MessageV3] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class _Order:
    sender: str
    to: str
    text: str


def send_v2(call: Call) -> Response:
    """``POST /sms/2/text/advanced``."""
    try:
        body = _BodyV2.model_validate(call.json())
    except ValidationError as error:
        name, why = violations(error)[0]
        return service_exception(400, "BAD_REQUEST", f"{name}: {why}" if name else why)
    orders = [_Order(m.sender, d.to, m.text) for m in body.messages for d in m.destinations]
    return _accept(call, orders, number_field="to")


def send_v3(call: Call) -> Response:
    """``POST /sms/3/messages``."""
    try:
        body = _BodyV3.model_validate(call.json())
    except ValidationError as error:
        return error_code(
            400,
            "Request cannot be processed.",
            action="Check the syntax, violations and adjust the request.",
            violations=violations(error),
        )
    orders = [_Order(m.sender, d.to, m.content.text) for m in body.messages for d in m.destinations]
    return _accept(call, orders, number_field="destination")


def _accept(call: Call, orders: list[_Order], *, number_field: str) -> Response:
    world, bulk_id = call.world, str(uuid.uuid4())
    accepted = []
    for order in orders:
        sms = world.outbox.send(
            call.account, bulk_id=bulk_id, sender=order.sender, to=order.to, text=order.text
        )
        world.log.count("messages")
        world.log.add("message", f"SMS to {order.to}: {order.text[:60]}", user=call.user)
        accepted.append({"messageId": sms.message_id, number_field: order.to, "status": _PENDING})
    return JSONResponse({"bulkId": bulk_id, "messages": accepted})


def violations(error: ValidationError) -> list[tuple[str, str]]:
    """Pairs of property path (``messages[0].text``) and reason."""
    found = []
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        path = ""
        for part in detail["loc"]:
            path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
        found.append((path, detail["msg"]))
    return found


routes = [
    Route("/sms/2/text/advanced", api_call(send_v2), methods=["POST"]),
    Route("/sms/3/messages", api_call(send_v3), methods=["POST"]),
]
