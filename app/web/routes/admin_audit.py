"""The record of who did what."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.web.dependencies import AdminReader, ProcessOf
from app.web.schemas.audit import AuditEntry, AuditList, AuditQuery
from app.web.schemas.problems import admin_problems

router = APIRouter(prefix="/admin/audit", tags=["audit"])


@router.get("", summary="Read the record", responses=admin_problems(input_may_be_malformed=True))
async def list_audit(
    _: AdminReader, query: Annotated[AuditQuery, Query()], process: ProcessOf
) -> AuditList:
    """Who did what to which connection, and what was refused; the newest first.

    All filters apply at once; `nextBefore` leads on to the next page. Kept for
    AUDIT_RETENTION_DAYS; nobody can change or remove an entry before that.
    """
    page = await process.overview.audit(query.to_value(), before=query.before, limit=query.limit)
    return AuditList(
        items=[AuditEntry.of(recorded) for recorded in page.items], next_before=page.next_before
    )
