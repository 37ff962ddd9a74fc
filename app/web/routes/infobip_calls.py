"""Where Infobip calls the app: an example that verifies and counts, to be replaced by your own.

A route of one's own asks for a `SignedCall` and for no other body:

    @router.post("/infobip/orders", responses=REFUSALS)
    async def orders(call: SignedCall, process: ProcessOf) -> OrdersJson:
        order = OrderCall.model_validate_json(call.body)

It runs only for calls that Infobip signed just now. Within five minutes the same call can come
again, from Infobip or from somebody who saw it: doing twice what it asks must do no harm. Without
INFOBIP_SIGNING_SECRET the body is not covered by the signature (`call.form`); then believe nothing
of it but `call.account_id`.
"""

from fastapi import APIRouter

from app.web.schemas.json import Instant, Json
from app.web.signed_calls import REFUSALS, SignedCall

router = APIRouter(tags=["signed calls"])


class Received(Json):
    """How many bytes arrived, and when Infobip signed them."""

    received: int
    signed_at: Instant


@router.post("/infobip/calls", summary="Receive a signed call", responses=REFUSALS)
async def receive_call(call: SignedCall) -> Received:
    """Verify a call that Infobip signed, and do nothing about it."""
    return Received(received=len(call.body), signed_at=call.signed_at)
