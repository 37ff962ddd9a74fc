"""Telling every process, as it is committed, which sessions it must not remember any more."""

from typing import Any

from sqlalchemy import Delete, Select, Text, Update, cast, func, select

from app.store.tables import sessions

ENDINGS = "hearth_sessions"
"""Where the ids of sessions that were ended, or given less time, are told (LISTEN/NOTIFY)."""


def telling(change: Delete | Update) -> Select[Any]:
    """This change of sessions, and the ids of those that it changed told; in one statement."""
    changed = change.returning(sessions.c.id).cte("changed")
    return select(func.pg_notify(ENDINGS, cast(changed.c.id, Text)))
