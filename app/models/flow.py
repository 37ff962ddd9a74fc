"""Authorisation flows that are under way: from the redirect to Authorize until the callback."""

from dataclasses import dataclass
from enum import StrEnum

from app.models.identifiers import FlowId, LinkId

FLOW_SECONDS = 600
"""How long a browser may be on its way to Authorize and back."""


class Surface(StrEnum):
    """Where in Infobip's web interface our page is framed; also the entry route's name."""

    CONTEXT_CARD = "context-card"
    SETTINGS = "settings"


class KeptIn(StrEnum):
    """Where the browser keeps what it has to bring back to complete a flow."""

    COOKIE = "cookie"
    """In a cookie of ours; the callback itself completes the flow."""
    PAGE = "page"
    """With the page, in its sessionStorage; its script completes the flow."""


Params = tuple[tuple[str, str], ...]
"""Query parameters in their order, repeated names included; never `state`."""


@dataclass(frozen=True, slots=True)
class EmbeddedLoad:
    """A load of an embedded page: a session comes of it.

    `front_end` is the address of the page that completes the flow where that is not ours.
    """

    surface: Surface
    params: Params
    front_end: str | None = None


@dataclass(frozen=True, slots=True)
class Activation:
    """A person links their Infobip account: a connection comes of it, and no session.

    Without a link, it is for our own site. `return_to` is a judged address.
    """

    link_id: LinkId | None
    return_to: str | None


@dataclass(frozen=True, slots=True)
class Flow:
    """What the callback needs to know of how it began. `challenged`: PKCE was asked for."""

    id: FlowId
    purpose: EmbeddedLoad | Activation
    kept_in: KeptIn
    challenged: bool
