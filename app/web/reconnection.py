"""Where a person goes to connect again."""

from app.models.session import Session
from app.web.queries import with_query


def entry_url(public_url: str, session: Session) -> str:
    """The entry that this session's page came from: a load of it makes a new connection."""
    return with_query(f"{public_url}/{session.surface}", session.params)
