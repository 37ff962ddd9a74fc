"""An event as its receiver gets it."""

import msgspec

from app.models.event import EventType, Outgoing


def message(outgoing: Outgoing, *, reconnect_url: str) -> bytes:
    """The body: JSON, the same to the byte at every attempt.

    `reconnect_url` is where a person makes up for a connection that was lost.
    """
    event = outgoing.event
    data = dict(event.data)
    if event.type is EventType.LOST:
        data["reconnectUrl"] = reconnect_url
    return msgspec.json.encode(
        {
            "id": outgoing.id,
            "type": event.type,
            "timestamp": outgoing.occurred_at,
            "sequence": outgoing.sequence,
            "data": dict(sorted(data.items())),
        }
    )
