"""Pages that listen for changes, and what each of them has still to be told."""

import asyncio
from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from typing import TypeVar

from app.clock import Clock
from app.errors.pages import TooManyStreams
from app.models.connection import ConnectionState
from app.models.identifiers import ConnectionId, SessionId
from app.models.session import Session

_AGAIN_AFTER_SECONDS = 30

_Key = TypeVar("_Key")


class Stream:
    """One page. Of each kind of news it keeps the latest only, however slowly the page reads."""

    __slots__ = ("_changed", "_settings", "_state", "_unsent", "ends", "is_over", "session")

    def __init__(self, session: Session, *, ends: float) -> None:
        self.session = session
        self.ends = ends
        self.is_over = False
        self._state: ConnectionState | None = None
        self._settings: int | None = None
        self._unsent: dict[str, None] = {}
        self._changed = asyncio.Event()

    def tell_state(self, state: ConnectionState) -> None:
        """The connection is in this state."""
        if state != self._state:
            self._state = state
            self._note("state")

    def tell_settings(self, version: int) -> None:
        """This is the last version of the account's settings."""
        if version != self._settings:
            self._settings = version
            self._note("settings")

    def tell_end(self, ends: float) -> None:
        """The session ends then, by our monotonic clock."""
        self.ends = ends
        self._changed.set()

    def end(self) -> None:
        """There will be no more."""
        self.is_over = True
        self._changed.set()

    def take(self) -> tuple[ConnectionState | None, int | None]:
        """The state and the version of settings that the page has not been told yet."""
        unsent, self._unsent = self._unsent, {}
        if not self.is_over:
            self._changed.clear()
        return (
            self._state if "state" in unsent else None,
            self._settings if "settings" in unsent else None,
        )

    async def changed(self, *, within_seconds: float) -> None:
        """Until there is something to take, it is over, or so much time has passed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                await self._changed.wait()

    def _note(self, what: str) -> None:
        self._unsent[what] = None
        self._changed.set()


class Streams:
    """All of this process."""

    def __init__(self, *, clock: Clock, at_most: int, at_most_of_session: int) -> None:
        self._clock = clock
        self._at_most = at_most
        self._at_most_of_session = at_most_of_session
        self._count = 0
        self._of_session: dict[SessionId, set[Stream]] = defaultdict(set)
        self._of_connection: dict[ConnectionId, set[Stream]] = defaultdict(set)
        self._of_account: dict[str, set[Stream]] = defaultdict(set)

    def __len__(self) -> int:
        return self._count

    def add(self, session: Session) -> Stream:
        """A stream for a page of this session. Raises TooManyStreams."""
        if len(self._of_session.get(session.id, ())) >= self._at_most_of_session:
            raise TooManyStreams(retry_after_seconds=_AGAIN_AFTER_SECONDS)
        if self._count >= self._at_most:
            raise TooManyStreams(
                "This server has as many open event streams as it may have.",
                retry_after_seconds=_AGAIN_AFTER_SECONDS,
            )
        stream = Stream(session, ends=self._clock.monotonic() + session.left_seconds)
        self._count += 1
        self._of_session[session.id].add(stream)
        self._of_connection[session.connection.id].add(stream)
        self._of_account[session.connection.profile.account_key or ""].add(stream)
        return stream

    def remove(self, stream: Stream) -> None:
        """The page has gone."""
        self._count -= 1
        connection = stream.session.connection
        _discard(self._of_session, stream.session.id, stream)
        _discard(self._of_connection, connection.id, stream)
        _discard(self._of_account, connection.profile.account_key or "", stream)

    def sessions(self) -> list[SessionId]:
        return list(self._of_session)

    def connections(self) -> list[ConnectionId]:
        return list(self._of_connection)

    def accounts(self) -> list[str]:
        return list(self._of_account)

    def of_session(self, session_id: SessionId) -> Collection[Stream]:
        return self._of_session.get(session_id, ())

    def of_connection(self, connection_id: ConnectionId) -> Collection[Stream]:
        return self._of_connection.get(connection_id, ())

    def of_account(self, account_key: str) -> Collection[Stream]:
        return self._of_account.get(account_key, ())


def _discard(streams: dict[_Key, set[Stream]], key: _Key, stream: Stream) -> None:
    streams[key].discard(stream)
    if not streams[key]:
        del streams[key]
