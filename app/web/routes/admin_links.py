"""Administration of activation links."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.errors.administration import ConnectionUnknown
from app.errors.sign_in import LinkUnknown, LinkUsed, OAuthNotConfigured, ReturnTargetRefused
from app.models.identifiers import ConnectionId, LinkId
from app.web.dependencies import AdminReader, AdminWriter, LinksOf, ProcessOf
from app.web.return_targets import ReturnTargets
from app.web.schemas.links import LinkDetails, LinkList, LinkQuery, MadeLinkDetails, NewLink
from app.web.schemas.problems import admin_problems

router = APIRouter(prefix="/admin/activation-links", tags=["activation links"])


@router.post(
    "",
    status_code=201,
    summary="Make an activation link",
    responses=admin_problems(
        ReturnTargetRefused, ConnectionUnknown, OAuthNotConfigured, has_body=True
    ),
)
async def create_link(
    body: NewLink,
    admin: AdminWriter,
    links: LinksOf,
    process: ProcessOf,
) -> MadeLinkDetails:
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
    return MadeLinkDetails(
        id=made.link.id,
        url=f"{web.public_url}/connect?link={made.token}",
        expires_at=made.link.expires_at,
    )


@router.get(
    "",
    summary="List activation links",
    responses=admin_problems(LinkUnknown, OAuthNotConfigured, input_may_be_malformed=True),
)
async def list_links(
    _: AdminReader, query: Annotated[LinkQuery, Query()], links: LinksOf
) -> LinkList:
    """The newest first, and what has become of each; kept for 30 days after their time."""
    before = LinkId(query.cursor) if query.cursor else None
    found = await links.list_newest(before=before, limit=query.limit + 1)
    page, more = found[: query.limit], len(found) > query.limit
    return LinkList(
        items=[LinkDetails.model_validate(link) for link in page],
        next_cursor=page[-1].id if more else None,
    )


@router.delete(
    "/{link_id}",
    status_code=204,
    response_class=Response,
    summary="Withdraw an activation link",
    responses=admin_problems(
        LinkUnknown, LinkUsed, OAuthNotConfigured, input_may_be_malformed=True
    ),
)
async def withdraw_link(admin: AdminWriter, link_id: UUID, links: LinksOf) -> Response:
    """For a link that went to the wrong people: it is gone, also for who is on the way with it.

    One that was used already stays; disconnect the connection that came of it.
    """
    await links.withdraw(LinkId(link_id), actor=admin.name)
    return Response(status_code=204)
