"""What other processes and people did, as it concerns the pages that this process serves.

Nothing is lost on the way: what is announced is only that there is something to look at, and all
of it is looked at now and then as well, because announcements may be missed (behind a transaction
pooler all of them are).
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from app.clock import Clock
from app.embed.memory import RememberedSessions
from app.embed.streams import Stream, Streams
from app.errors import DatabaseUnavailable
from app.models.connection import ConnectionState
from app.models.identifiers import ConnectionId, SessionId
from app.models.session import Session
from app.store.account_settings import AccountSettingsStore
from app.store.announcements import ChangedPage, page_news
from app.store.connections import ConnectionStore
from app.store.database import Database
from app.store.sessions import SessionStore

_LOOK_EVERY_SECONDS = 15.0
_LOOK_UNHEARD_EVERY_SECONDS = 2.0
_TRY_AGAIN_SECONDS = 1.0
_SLICE = 1_000

_Key = TypeVar("_Key")


class PageNews:
    """What it has seen, it tells the streams, and lets it end what is remembered."""

    def __init__(
        self,
        *,
        database: Database,
        remembered: RememberedSessions,
        streams: Streams,
        clock: Clock,
    ) -> None:
        self.streams = streams
        self._database = database
        self._remembered = remembered
        self._clock = clock
        self._sessions: set[SessionId] = set()
        self._connections: set[ConnectionId] = set()
        self._accounts: set[str] = set()
        self._something_to_look_at = asyncio.Event()

    @contextmanager
    def listening(self, session: Session) -> Iterator[Stream]:
        """A page's stream, which begins with how things stand. Raises TooManyStreams.

        It is among those that are told before the database is asked for that, so that no change
        falls in between.
        """
        stream = self.streams.add(session)
        try:
            stream.tell_state(session.connection.state)
            self._look_at([session.id], [session.connection.id], _account_of(session))
            yield stream
        finally:
            self.streams.remove(stream)

    async def follow(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as all_three:
            all_three.create_task(self._hear())
            all_three.create_task(self._look())
            all_three.create_task(self._look_at_all())

    async def _hear(self) -> None:
        while True:
            try:
                async for changed in page_news(
                    self._database, on_listening=self._look_at_all_streams
                ):
                    self._heard(changed)
            except DatabaseUnavailable:
                await asyncio.sleep(_TRY_AGAIN_SECONDS)

    def _heard(self, changed: ChangedPage) -> None:
        if changed.session_id is not None:
            self._remembered.forget(changed.session_id)
            if self.streams.of_session(changed.session_id):
                self._look_at(sessions=[changed.session_id])
        if changed.connection_id and self.streams.of_connection(changed.connection_id):
            self._look_at(connections=[changed.connection_id])
        if changed.account_key and self.streams.of_account(changed.account_key):
            self._look_at(accounts=[changed.account_key])

    async def _look_at_all(self) -> None:
        every = _LOOK_EVERY_SECONDS if self._database.hears else _LOOK_UNHEARD_EVERY_SECONDS
        while True:
            self._look_at_all_streams()
            try:
                await self._forget_ended()
            except DatabaseUnavailable:
                await asyncio.sleep(_TRY_AGAIN_SECONDS)
            else:
                await asyncio.sleep(every)

    async def _forget_ended(self) -> None:
        """Not everything is heard: not what ended while only we could not reach the database."""
        for ids in _slices(self._remembered.ids()):
            async with self._database.statement() as tx:
                living = await SessionStore(tx).seconds_left(ids)
            for session_id in ids:
                if session_id not in living:
                    self._remembered.forget(session_id)

    def _look_at_all_streams(self) -> None:
        streams = self.streams
        if streams:
            self._look_at(streams.sessions(), streams.connections(), streams.accounts())

    def _look_at(
        self,
        sessions: Iterable[SessionId] = (),
        connections: Iterable[ConnectionId] = (),
        accounts: Iterable[str] = (),
    ) -> None:
        self._sessions.update(sessions)
        self._connections.update(connections)
        self._accounts.update(accounts)
        self._something_to_look_at.set()

    async def _look(self) -> None:
        """One look after the other, so that an older one never overtakes a newer one."""
        while True:
            await self._something_to_look_at.wait()
            self._something_to_look_at.clear()
            sessions, self._sessions = self._sessions, set()
            connections, self._connections = self._connections, set()
            accounts, self._accounts = self._accounts, set()
            try:
                await self._tell_sessions(sessions)
                await self._tell_states(connections)
                await self._tell_settings(accounts)
            except DatabaseUnavailable:
                self._look_at(sessions, connections, accounts)
                await asyncio.sleep(_TRY_AGAIN_SECONDS)

    async def _tell_sessions(self, sessions: set[SessionId]) -> None:
        for ids in _slices(list(sessions)):
            as_of = self._clock.monotonic()
            async with self._database.statement() as tx:
                left = await SessionStore(tx).seconds_left(ids)
            for session_id in ids:
                for stream in self.streams.of_session(session_id):
                    stream.tell_end(as_of + left.get(session_id, 0.0))

    async def _tell_states(self, connections: set[ConnectionId]) -> None:
        for ids in _slices(list(connections)):
            async with self._database.statement() as tx:
                states = await ConnectionStore(tx).states(ids)
            for connection_id, state in states.items():
                self._tell_state(connection_id, state)

    def _tell_state(self, connection_id: ConnectionId, state: ConnectionState) -> None:
        for stream in self.streams.of_connection(connection_id):
            self._remembered.ask_anew(stream.session.id)  # who is told may read it at once
            stream.tell_state(state)

    async def _tell_settings(self, accounts: set[str]) -> None:
        for keys in _slices(list(accounts)):
            async with self._database.statement() as tx:
                versions = await AccountSettingsStore(tx).latest_versions(keys)
            for account_key in keys:
                for stream in self.streams.of_account(account_key):
                    stream.tell_settings(versions.get(account_key, 0))


def _account_of(session: Session) -> list[str]:
    account_key = session.connection.profile.account_key
    return [account_key] if account_key else []


def _slices(ids: list[_Key]) -> Iterator[list[_Key]]:
    for start in range(0, len(ids), _SLICE):
        yield ids[start : start + _SLICE]
