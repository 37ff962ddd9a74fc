"""Forgetting sessions that other processes have ended."""

import asyncio

from app.embed.memory import RememberedSessions
from app.errors import DatabaseUnavailable
from app.store.announcements import ended_sessions
from app.store.database import Database
from app.store.sessions import SessionStore

_ASK_EVERY_SECONDS = 15.0
_ASK_UNHEARD_EVERY_SECONDS = 3.0
_TRY_AGAIN_SECONDS = 1.0
_SLICE = 1_000


async def follow_endings(database: Database, remembered: RememberedSessions) -> None:
    """For ever. They are told as they end; and asked for, because not everything is heard: not
    behind a transaction pooler, and not what ended while only we could not reach the database."""
    async with asyncio.TaskGroup() as both:
        both.create_task(_listen(database, remembered))
        both.create_task(_ask(database, remembered))


async def _listen(database: Database, remembered: RememberedSessions) -> None:
    while True:
        try:
            async for session_id in ended_sessions(database):
                remembered.forget(session_id)
        except DatabaseUnavailable:
            await asyncio.sleep(_TRY_AGAIN_SECONDS)


async def _ask(database: Database, remembered: RememberedSessions) -> None:
    every = _ASK_EVERY_SECONDS if database.hears else _ASK_UNHEARD_EVERY_SECONDS
    while True:
        try:
            await forget_ended(database, remembered)
        except DatabaseUnavailable:
            await asyncio.sleep(_TRY_AGAIN_SECONDS)
        else:
            await asyncio.sleep(every)


async def forget_ended(database: Database, remembered: RememberedSessions) -> None:
    """Ask which of the remembered sessions are over. Raises DatabaseUnavailable."""
    ids = remembered.ids()
    for start in range(0, len(ids), _SLICE):
        asked_for = ids[start : start + _SLICE]
        async with database.statement() as tx:
            living = await SessionStore(tx).living(asked_for)
        for session_id in asked_for:
            if session_id not in living:
                remembered.forget(session_id)
