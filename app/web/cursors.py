"""Places in a listing as words that the caller hands back: opaque, and nothing secret in them."""

import base64
import re
import struct
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.errors.requests import MalformedRequest
from app.models.identifiers import ConnectionId
from app.models.listing import Place

_FORM = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)
_LAYOUT = struct.Struct(">q16s")
"""Microseconds since 1970, and the id: 24 bytes, which are 32 characters without padding."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def write_cursor(place: Place) -> str:
    """The place as a word."""
    microseconds = (place.created_at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(_LAYOUT.pack(microseconds, place.id.bytes)).decode()


def read_cursor(cursor: str) -> Place:
    """The place again. Raises MalformedRequest."""
    if not _FORM.fullmatch(cursor):
        raise MalformedRequest("The cursor is not one that was given here.")
    microseconds, id_bytes = _LAYOUT.unpack(base64.urlsafe_b64decode(cursor))
    try:
        created_at = _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError as error:
        raise MalformedRequest("The cursor is not one that was given here.") from error
    return Place(created_at, ConnectionId(UUID(bytes=id_bytes)))
