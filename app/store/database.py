"""The connection to Postgres: pool, transactions, and the translation of its errors."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import sqlalchemy
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from app.errors import DatabaseUnavailable

_CONNECT_SECONDS = 3.0
_COMMAND_SECONDS = 10.0
_POOL_WAIT_SECONDS = 3.0
_RECYCLE_SECONDS = 1_800

# SQLSTATEs, or their first digits, that mean "not now": connection trouble, a standby that is not
# yet the primary, no access, no such database (yet), a conflict, resources, an operator at work.
_NOT_NOW = ("08", "25006", "28", "3D", "40", "53", "55P03", "57")


class Database:
    """One pool for a process. `pooler` is `transaction` behind PgBouncer."""

    def __init__(
        self,
        *,
        url: str,
        pool_size: int,
        pooler: str = "none",
        command_seconds: float | None = _COMMAND_SECONDS,
        pool_wait_seconds: float = _POOL_WAIT_SECONDS,
    ) -> None:
        self.engine = create_async_engine(
            async_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_wait_seconds,
            pool_recycle=_RECYCLE_SECONDS,
            pool_pre_ping=True,
            connect_args=_driver_options(pooler, command_seconds),
            hide_parameters=True,
        )
        self._reading_engine = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    async def close(self) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """All or nothing. Raises DatabaseUnavailable when Postgres is not to be had."""
        with unavailable_translated():
            async with self.engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[AsyncConnection]:
        """For one statement that needs no transaction around it: a single round trip."""
        with unavailable_translated():
            async with self._reading_engine.connect() as connection:
                yield connection


@contextmanager
def unavailable_translated() -> Iterator[None]:
    """Turn "Postgres is not to be had" into DatabaseUnavailable; bugs in SQL stay bugs."""
    try:
        yield
    except (OSError, TimeoutError, OperationalError, InterfaceError) as error:
        raise DatabaseUnavailable from error
    except sqlalchemy.exc.TimeoutError as error:
        raise DatabaseUnavailable from error
    except DBAPIError as error:
        if error.connection_invalidated or _sqlstate(error).startswith(_NOT_NOW):
            raise DatabaseUnavailable from error
        raise


def _sqlstate(error: SQLAlchemyError) -> str:
    return str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")


def _driver_options(pooler: str, command_seconds: float | None) -> dict[str, Any]:
    options: dict[str, Any] = {"timeout": _CONNECT_SECONDS, "command_timeout": command_seconds}
    if pooler == "transaction":
        options |= {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
    return options


def async_url(url: str) -> str:
    """A Postgres URL as people write it, with the driver that we use."""
    scheme, separator, rest = url.partition("://")
    if scheme in ("postgres", "postgresql"):
        scheme = "postgresql+asyncpg"
    return scheme + separator + rest
