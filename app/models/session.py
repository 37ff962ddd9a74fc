"""Sessions of embedded pages."""

from dataclasses import dataclass
from datetime import datetime

from app.models.connection import Connection
from app.models.flow import Params, Surface
from app.models.identifiers import SessionId


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in page: whose connection it may use, and until when (absolute limit).

    `remembered`: as this process saw it last, because the database could not be asked.
    """

    id: SessionId
    connection: Connection
    surface: Surface
    params: Params
    expires_at: datetime
    seen_seconds_ago: float
    left_seconds: float
    remembered: bool = False
