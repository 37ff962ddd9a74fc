"""Administration of connections."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.admin.timelines import timeline_of
from app.connections.disconnection import disconnect
from app.connections.tokens import NoLiveToken
from app.errors.administration import (
    ApiKeyRefused,
    ApiUrlRefused,
    ConnectionUnknown,
    ExternalIdTaken,
)
from app.errors.calls import (
    ConnectionLost,
    InfobipThrottled,
    InfobipTimeout,
    InfobipUnreachable,
    RenewalTimedOut,
)
from app.errors.requests import MalformedRequest
from app.factory import Process
from app.models.audit import Action, Deed
from app.models.connection import Connection, ConnectionType
from app.models.identifiers import ConnectionId
from app.web.cursors import read_cursor, write_cursor
from app.web.dependencies import (
    AdminReader,
    AdminWriter,
    CredentialsReader,
    ProcessOf,
    reconnect_url,
)
from app.web.schemas.connections import (
    AuthorizationDetails,
    ChangedConnection,
    ConnectionDetails,
    ConnectionList,
    ConnectionQuery,
    NewConnection,
)
from app.web.schemas.problems import admin_problems
from app.web.schemas.timeline import Timeline, TimelineEntry

router = APIRouter(prefix="/admin/connections", tags=["connections"])


@router.get(
    "",
    summary="List connections",
    responses=admin_problems(MalformedRequest, input_may_be_malformed=True),
)
async def list_connections(
    _: AdminReader, query: Annotated[ConnectionQuery, Query()], process: ProcessOf
) -> ConnectionList:
    """The newest first. All filters apply at once; `nextCursor` leads on to the next page."""
    page = await process.overview.connections(
        query.to_value(),
        after=read_cursor(query.cursor) if query.cursor is not None else None,
        limit=query.limit,
    )
    return ConnectionList(
        items=[_details(connection, process) for connection in page.items],
        next_cursor=write_cursor(page.next) if page.next else None,
    )


@router.post(
    "",
    status_code=201,
    summary="Add an API key",
    responses=admin_problems(
        ApiKeyRefused,
        ApiUrlRefused,
        InfobipUnreachable,
        InfobipTimeout,
        InfobipThrottled,
        has_body=True,
    ),
)
async def add_api_key(
    admin: AdminWriter,
    body: NewConnection,
    process: ProcessOf,
) -> ConnectionDetails:
    """Make a connection of an account's API key, for private apps.

    Infobip is asked once whether it knows the key, unless `check` is false; if it does not, or
    gives no answer, nothing is stored. Each call makes a connection of its own, also with a key
    that was given before.
    """
    connection = await process.api_keys.add(body.to_value(), check=body.check, actor=admin.name)
    return _details(connection, process)


@router.get(
    "/{connection_id}",
    summary="Look up a connection",
    responses=admin_problems(ConnectionUnknown, input_may_be_malformed=True),
)
async def read_connection(
    _: AdminReader, connection_id: UUID, process: ProcessOf
) -> ConnectionDetails:
    """One connection, as it is now."""
    return _details(await process.overview.connection(ConnectionId(connection_id)), process)


@router.get(
    "/{connection_id}/timeline",
    summary="Why a connection lives or died",
    responses=admin_problems(ConnectionUnknown, input_may_be_malformed=True),
)
async def read_timeline(_: AdminReader, connection_id: UUID, process: ProcessOf) -> Timeline:
    """What happened to it, the newest first: at most 50 entries, of the last 90 days.

    Ordinary renewals have none. Who disconnected it stands in `GET /admin/audit`.
    """
    found = await timeline_of(process.database, ConnectionId(connection_id))
    return Timeline(items=[TimelineEntry.model_validate(one) for one in found])


@router.patch(
    "/{connection_id}",
    summary="Change what you say of a connection",
    responses=admin_problems(ConnectionUnknown, ApiUrlRefused, ExternalIdTaken, has_body=True),
)
async def change_connection(
    admin: AdminWriter,
    connection_id: UUID,
    body: ChangedConnection,
    process: ProcessOf,
) -> ConnectionDetails:
    """Your name for whose it is, its label, its API base URL: what is left out stays as it is,
    null clears it.

    One `externalId` stands for one Infobip account, though several of its users may connect;
    connections with an API key may share one. What Infobip said of the user cannot be changed.
    """
    changed = await process.edits.change(
        ConnectionId(connection_id), body.to_value(), actor=admin.name
    )
    return _details(changed, process)


@router.get(
    "/{connection_id}/token",
    summary="Read what authorises calls to Infobip",
    responses=admin_problems(ConnectionUnknown, ConnectionLost, input_may_be_malformed=True),
)
async def read_authorization(
    admin: CredentialsReader, connection_id: UUID, process: ProcessOf
) -> AuthorizationDetails:
    """The live token, or the API key, for a program of yours that calls Infobip by itself.

    It needs a key with the scope `credentials`, and each reading is put on record. A token lives
    a minute: ask for each call, or again before `expiresAt`. The gateway
    (`/admin/connections/{id}/infobip/…`) spares you that.
    """
    connection = await process.overview.connection(ConnectionId(connection_id))
    try:
        handout = await process.handouts.hand_out(connection, actor=admin.name)
    except NoLiveToken as error:
        raise ConnectionLost(reconnect_url=reconnect_url(process, connection)) from error
    return AuthorizationDetails.model_validate(handout)


@router.post(
    "/{connection_id}/refresh",
    summary="Renew the token now",
    responses=admin_problems(
        ConnectionUnknown, ConnectionLost, RenewalTimedOut, input_may_be_malformed=True
    ),
)
async def renew_token(
    admin: AdminWriter, connection_id: UUID, process: ProcessOf
) -> ConnectionDetails:
    """Renew a connection's token before its time; the connection as it is then.

    It is never needed to keep a connection alive. Where a renewal is under way already, this is
    the one whose result is answered. An API key has no token to renew: its connection is answered
    as it is.
    """
    connection = await process.overview.connection(ConnectionId(connection_id))
    await process.record.put(Deed(admin.name, Action.RENEWAL_REQUESTED, connection.id))
    if connection.type is ConnectionType.OAUTH:
        try:
            await process.renewal.now(connection)
        except NoLiveToken as error:
            raise ConnectionLost(reconnect_url=reconnect_url(process, connection)) from error
        connection = await process.overview.connection(connection.id)
    return _details(connection, process)


@router.delete(
    "/{connection_id}",
    status_code=204,
    response_class=Response,
    summary="Disconnect",
    responses=admin_problems(ConnectionUnknown, input_may_be_malformed=True),
)
async def end_connection(admin: AdminWriter, connection_id: UUID, process: ProcessOf) -> Response:
    """End a connection for good: its token or key is deleted, its sessions end at once.

    Fine to repeat. Infobip is not told: it has no revocation. The connection stays listed as
    `disconnected`.
    """
    await disconnect(process.database, ConnectionId(connection_id), actor=admin.name)
    process.forget(ConnectionId(connection_id))
    return Response(status_code=204)


def _details(connection: Connection, process: Process) -> ConnectionDetails:
    return ConnectionDetails.of(connection, process.tokens.times(connection))
