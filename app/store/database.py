"""The connection to Postgres: pool, transactions, and the translation of its errors."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from typing import Any
from weakref import WeakSet

import asyncpg
import sqlalchemy
from sqlalchemy import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from app.errors import ConfigurationError, DatabaseUnavailable
from app.store.watch import Watch

_CONNECT_SECONDS = 3.0
_COMMAND_SECONDS = 10.0
_POOL_WAIT_SECONDS = 3.0
_RECYCLE_SECONDS = 1_800
_CLOSE_WITHIN_SECONDS = 0.5
_ANSWERS_WITHIN_SECONDS = 1.5

# SQLSTATEs, or their first digits, that mean "not now": connection trouble, a standby that is not
# yet the primary, no access, no such database (yet), a conflict, resources, an operator at work,
# trouble below Postgres or inside it.
_NOT_NOW = ("08", "25006", "28", "3D", "40", "53", "55P03", "57", "58", "XX")


Transaction = AsyncConnection
"""What stores work in, for those who pass it on to them."""

# Those with which the server itself, or a pooler before it, says that it is not there.
_NOT_THERE = ("08", "57")


class Database:
    """A pool of connections. `pooler` is `transaction` behind PgBouncer.

    With `refuse_while_away`, who comes while the server is away is told so at once (see `Watch`).
    Raises ConfigurationError for a URL that cannot be used.
    """

    def __init__(
        self,
        *,
        url: str,
        pool_size: int,
        pooler: str = "none",
        command_seconds: float | None = _COMMAND_SECONDS,
        pool_wait_seconds: float = _POOL_WAIT_SECONDS,
        refuse_while_away: bool = False,
    ) -> None:
        self.hears = pooler == "none"
        """Whether announcements arrive (LISTEN). Through a pooler that changes the server's
        connection with each transaction they do not: what would be announced has to be asked for.
        """
        self._open: WeakSet[asyncpg.Connection] = WeakSet()
        self._watch = Watch(answers=self._answers, cut=self._cut) if refuse_while_away else None
        self.engine = create_async_engine(
            read_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_wait_seconds,
            pool_recycle=_RECYCLE_SECONDS,
            pool_pre_ping=True,
            connect_args=_driver_options(pooler, command_seconds)
            | {"async_creator_fn": self._connect},
            hide_parameters=True,
        )
        self._autocommit_engine = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    async def close(self) -> None:
        """Close the pool; a server that does not answer any more is not waited for."""
        if self._watch is not None:
            self._watch.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_WITHIN_SECONDS):
                await self.engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """All or nothing. Raises DatabaseUnavailable when Postgres is not to be had."""
        with self._used(), unavailable_translated():
            async with self.engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[AsyncConnection]:
        """For statements that need no transaction around them."""
        with self._used(), unavailable_translated():
            async with self._autocommit_engine.connect() as connection:
                yield connection

    def _used(self) -> AbstractContextManager[None]:
        return self._watch.using() if self._watch is not None else nullcontext()

    async def _connect(self, *args: Any, **options: Any) -> asyncpg.Connection:
        """A new connection for the pool."""
        if self._watch is not None and self._watch.away:
            raise ConnectionRefusedError
        connection = await asyncpg.connect(*args, **options)
        self._open.add(connection)
        return connection

    def _cut(self) -> None:
        for connection in list(self._open):
            connection.terminate()

    async def _answers(self) -> bool:
        """Whether a new connection gets an answer, be it a refusal by a server that is there."""
        _, where = self.engine.dialect.create_connect_args(self.engine.url)
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN_SECONDS):
                connection = await asyncpg.connect(**where, statement_cache_size=0)
                try:
                    await connection.execute("SELECT 1")
                    await connection.close()
                finally:
                    connection.terminate()
        except asyncpg.PostgresError as error:
            return not str(error.sqlstate).startswith(_NOT_THERE)
        except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            return False
        return True


async def seen_at_one_moment(tx: AsyncConnection) -> None:
    """For all statements of a transaction that has just begun, and only reads."""
    await tx.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


@contextmanager
def unavailable_translated() -> Iterator[None]:
    """Turn "Postgres is not to be had" into DatabaseUnavailable; bugs in SQL stay bugs."""
    try:
        yield
    except (OSError, TimeoutError, OperationalError, InterfaceError) as error:
        raise DatabaseUnavailable from error
    except (sqlalchemy.exc.TimeoutError, asyncpg.InterfaceError) as error:
        raise DatabaseUnavailable from error
    except asyncpg.InternalClientError as error:  # the server has said goodbye, and is still there
        raise DatabaseUnavailable from error
    except AttributeError as error:
        if _is_of_a_cut_connection(error):
            raise DatabaseUnavailable from error
        raise
    except asyncpg.PostgresError as error:  # what is asked of the driver itself
        if str(error.sqlstate).startswith(_NOT_NOW):
            raise DatabaseUnavailable from error
        raise
    except DBAPIError as error:
        if error.connection_invalidated or _sqlstate(error).startswith(_NOT_NOW):
            raise DatabaseUnavailable from error
        raise


def _is_of_a_cut_connection(error: AttributeError) -> bool:
    """Whether the driver tripped over a connection of its own that was cut between two awaits
    (`Watch`, or the server going away): it has let go of its protocol then."""
    innermost = list(traceback.walk_tb(error.__traceback__))[-1][0]
    module = str(innermost.f_globals.get("__name__", ""))
    return error.obj is None and module.partition(".")[0] == "asyncpg"


def sqlstate_of(error: DatabaseUnavailable) -> str:
    """Why Postgres says so, if it was Postgres that did; else ''."""
    cause = error.__cause__
    return _sqlstate(cause) if isinstance(cause, SQLAlchemyError) else ""


def _sqlstate(error: SQLAlchemyError) -> str:
    return str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")


def _driver_options(pooler: str, command_seconds: float | None) -> dict[str, Any]:
    options: dict[str, Any] = {"timeout": _CONNECT_SECONDS, "command_timeout": command_seconds}
    if pooler == "transaction":
        options |= {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
    return options


def read_url(url: str) -> URL:
    """A Postgres URL as people and providers write it, as SQLAlchemy and asyncpg want it.

    Raises ConfigurationError with a sentence that does not repeat it.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError("DATABASE_URL is not a URL of a database.") from error
    if parsed.drivername not in ("postgres", "postgresql", "postgresql+asyncpg"):
        raise ConfigurationError("DATABASE_URL must begin with postgresql://.")
    query = dict(parsed.query)
    if "sslmode" in query:  # libpq's name for what asyncpg calls ssl
        query["ssl"] = query.pop("sslmode")
    query.pop("channel_binding", None)  # asyncpg has no say in it
    unknown = sorted(query.keys() - {"host", "port", "ssl"})
    if unknown:
        raise ConfigurationError(f"DATABASE_URL has parameters unknown here: {', '.join(unknown)}.")
    return parsed.set(drivername="postgresql+asyncpg", query=query)
