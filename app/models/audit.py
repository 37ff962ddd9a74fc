"""What is put on record: who did what to which connection, and what was refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.models.identifiers import ConnectionId

BROWSER = "browser"
"""The actor where a person at a browser acted, whom nobody had authenticated yet."""

SETTINGS = "settings"
"""The actor where our own settings said so at the start."""

STRANGER = "stranger"
"""The actor of what was refused to somebody who could not show who they are."""


class Action(StrEnum):
    """Each thing that is put on record."""

    LINK_CREATED = "link_created"
    LINK_WITHDRAWN = "link_withdrawn"
    LINK_USED = "link_used"
    ACTIVATION_ABANDONED = "activation_abandoned"
    ACTIVATION_DECLINED = "activation_declined"
    CONNECTED = "connected"
    CONNECTION_CHANGED = "connection_changed"
    AUTHORIZATION_READ = "authorization_read"
    RENEWAL_REQUESTED = "renewal_requested"
    DISCONNECTED = "disconnected"
    API_KEY_ADDED = "api_key_added"
    SETTINGS_CHANGED = "settings_changed"
    EVENT_REDELIVERED = "event_redelivered"
    WRONG_BROWSER = "wrong_browser"
    WRONG_ACCOUNT = "wrong_account"
    ALREADY_LINKED = "already_linked"
    CALLBACK_REFUSED = "callback_refused"
    LINK_REFUSED = "link_refused"
    REQUEST_FORGED = "request_forged"
    ADMIN_KEY_REFUSED = "admin_key_refused"
    SCOPE_REFUSED = "scope_refused"
    SIGNED_CALL_REFUSED = "signed_call_refused"


@dataclass(frozen=True, slots=True)
class Deed:
    """Something to put on record.

    `actor` is an admin key's name, BROWSER, SETTINGS or STRANGER; never a secret.
    """

    actor: str
    action: Action
    connection_id: ConnectionId | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A deed as it stands on record; ids grow with time."""

    id: int
    at: datetime
    deed: Deed


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which part of the record: what all of this applies to; None applies to all.

    From `since` on, and before `until`.
    """

    connection_id: ConnectionId | None = None
    action: Action | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = Asked()
