"""Activation links, as the admin API shows and takes them."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema

from app.models.link import LinkStatus
from app.web.schemas.json import Given, Instant, Json, Line, Whole

_DAY_SECONDS = 86_400


def _split(value: Any) -> Any:
    return value.split() if isinstance(value, str) else value


_SCOPE = r"[\x21\x23-\x5b\x5d-\x7e]{1,128}"
_MOST_SCOPES = 50
Scope = Annotated[str, StringConstraints(pattern=f"^{_SCOPE}$")]
"""RFC 6749 §3.3. Which scopes there are is for Infobip to say."""

Scopes = Annotated[
    list[Scope],
    Field(max_length=_MOST_SCOPES),
    BeforeValidator(_split),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "array",
                    "items": {"type": "string", "pattern": f"^{_SCOPE}$"},
                    "maxItems": _MOST_SCOPES,
                },
                {
                    "type": "string",
                    "pattern": f"^({_SCOPE}( {_SCOPE}){{0,{_MOST_SCOPES - 1}}})?$",
                },
            ]
        }
    ),
]
"""A list, or one text with blanks as in INFOBIP_SCOPES."""


class NewLink(Given):
    """An invitation to link an Infobip account."""

    external_id: Line | None = Field(
        default=None,
        description="Your name for whom the account will be linked to.",
        examples=["customer-42"],
    )
    connection_id: UUID | None = Field(
        default=None,
        description="The connection to renew. Only its own account will be accepted.",
        examples=[None],
    )
    return_to: Annotated[str, Field(max_length=2_048)] | None = Field(
        default=None,
        description="Where to go afterwards: a path of this site, or below RETURN_TO_ALLOW.",
        examples=["/ui/settings"],
    )
    scopes: Scopes = Field(
        default=[],
        description="What to ask for instead of INFOBIP_SCOPES; also as one text with blanks.",
        examples=[["api_read"]],
    )
    expires_in: Whole = Field(
        default=_DAY_SECONDS, ge=60, le=90 * _DAY_SECONDS, description="Seconds; a day by default."
    )


class MadeLinkDetails(Json):
    """The link. Its address is shown this once and stored nowhere."""

    id: UUID
    url: str = Field(examples=["https://hearth.example/connect?link=hearth_l_5nJ0…"])
    expires_at: Instant


class LinkDetails(Json):
    """What has become of a link."""

    id: UUID
    status: LinkStatus = Field(
        description="`abandoned`: somebody went to Infobip with it and did not come back."
    )
    external_id: str | None
    for_connection: UUID | None
    return_to: str | None
    scopes: list[str]
    created_by: str = Field(description="The name of the admin key.")
    created_at: Instant
    expires_at: Instant
    begun_at: Instant | None
    used_at: Instant | None
    connection_id: UUID | None = Field(description="What came of it.")


class LinkQuery(Given):
    """Which page of them."""

    cursor: UUID | None = None
    limit: int = Field(default=50, ge=1, le=200)


class LinkList(Json):
    """A page. `nextCursor` asks for the next one; null at the end."""

    items: list[LinkDetails]
    next_cursor: UUID | None
