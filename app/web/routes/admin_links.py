"""Administration: activation links."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)
from pydantic.alias_generators import to_camel

from app.connections.links import MadeLink
from app.models.identifiers import ConnectionId, LinkId
from app.models.link import ActivationLink, LinkStatus
from app.web.dependencies import AdminReader, AdminWriter, LinksOf, ProcessOf
from app.web.return_targets import ReturnTargets

router = APIRouter(prefix="/admin/activation-links", tags=["activation links"])

_DAY_SECONDS = 86_400

Instant = Annotated[datetime, AfterValidator(lambda value: value.astimezone(UTC))]
Printable = StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$")
Scope = Annotated[str, StringConstraints(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,128}$")]
"""RFC 6749 §3.3. Which scopes there are is for Infobip to say."""


def _split(value: Any) -> Any:
    return value.split() if isinstance(value, str) else value


class _Json(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class NewLink(_Json):
    """An invitation to link an Infobip account."""

    model_config = ConfigDict(
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra={"examples": [{"externalId": "customer-42", "expiresIn": 86_400}]},
    )

    external_id: Annotated[str, Printable, Field(max_length=200)] | None = Field(
        default=None, description="Your name for whom the account will be linked to."
    )
    connection_id: UUID | None = Field(
        default=None,
        description="The connection to renew. Only its own account will be accepted.",
    )
    return_to: Annotated[str, Field(max_length=2_048)] | None = Field(
        default=None, description="Where to go afterwards: a path of this site or RETURN_TO_ALLOW."
    )
    scopes: Annotated[list[Scope], BeforeValidator(_split)] = Field(
        default=[],
        max_length=50,
        description="What to ask for instead of INFOBIP_SCOPES; also as one text with blanks.",
    )
    expires_in: int = Field(
        default=_DAY_SECONDS, ge=60, le=90 * _DAY_SECONDS, description="Seconds; a day by default."
    )


class MadeLinkJson(_Json):
    """The link. Its address is shown once and stored nowhere."""

    id: UUID
    url: str
    expires_at: Instant


class LinkJson(_Json):
    """What has become of a link. `abandoned`: someone went to Infobip and did not come back."""

    id: UUID
    status: LinkStatus
    external_id: str | None
    for_connection: UUID | None
    return_to: str | None
    scopes: list[str]
    created_by: str
    created_at: Instant
    expires_at: Instant
    begun_at: Instant | None
    used_at: Instant | None
    connection_id: UUID | None


class LinkPage(_Json):
    """A page of links, the newest first. `nextCursor` leads to the next one."""

    items: list[LinkJson]
    next_cursor: UUID | None


@router.post("", status_code=201, summary="Make an activation link")
async def create(
    body: NewLink, admin: AdminWriter, links: LinksOf, process: ProcessOf
) -> MadeLinkJson:
    """A link that one person can use once to link their Infobip account."""
    web = process.settings.web
    made = await links.create(
        external_id=body.external_id,
        for_connection=ConnectionId(body.connection_id) if body.connection_id else None,
        return_to=ReturnTargets(web.return_to_allow).judge(body.return_to),
        scopes=body.scopes,
        life_seconds=body.expires_in,
        created_by=admin.name,
    )
    return MadeLinkJson(
        id=made.link.id, url=_url(web.public_url, made), expires_at=made.link.expires_at
    )


@router.get("", summary="List activation links")
async def list_links(
    _: AdminReader,
    links: LinksOf,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> LinkPage:
    """Which links there are and what has become of them; kept for 30 days after their time."""
    before = LinkId(cursor) if cursor else None
    found = await links.list_newest(before=before, limit=limit + 1)
    page, more = found[:limit], len(found) > limit
    return LinkPage(
        items=[_link_json(link) for link in page], next_cursor=page[-1].id if more else None
    )


def _link_json(link: ActivationLink) -> LinkJson:
    return LinkJson.model_validate(link)


def _url(public_url: str, made: MadeLink) -> str:
    return f"{public_url}/connect?link={made.token}"
