"""What the obvious ways have in common: a semaphore, and one ORM commit per token.

In their favour: the client is shared, the pool is as large as the semaphore, and a wave of due
tokens is always there. Tokens are sealed as Hearth seals them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import BigInteger, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import DateTime

from app.connections.vault import Vault
from app.models.identifiers import ConnectionId
from app.models.token import SealedToken
from app.security.sealing import SealingKeys, parse_key
from bench.contenders.protocol import Outcome, Stopwatch, Task

Ask = Callable[[str], Awaitable[str]]

AT_ONCE = 50
CLIENT_ID = "8F0792F86035A9F4290821F1EE6BC06A"
CLIENT_SECRET = "YED8Q0KHeYgQxtjdUkR376Uxu0/zdvwAVZb3ZQ3GGZU="
_WAVE = 2_000


class _Base(DeclarativeBase):
    pass


class _TokenRow(_Base):
    __tablename__ = "tokens"

    connection_id: Mapped[UUID] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(BigInteger)
    sealed: Mapped[bytes]
    renewed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class _Renewer:
    def __init__(
        self,
        *,
        ask: Ask,
        sessions: async_sessionmaker[AsyncSession],
        vault: Vault,
        task: Task,
    ) -> None:
        self._ask = ask
        self._sessions = sessions
        self._vault = vault
        self._task = task
        self._semaphore = asyncio.Semaphore(AT_ONCE)
        self.renewals = 0

    async def run(self) -> None:
        """Wave after wave, until cancelled."""
        async with self._sessions() as session:
            ids = (await session.scalars(select(_TokenRow.connection_id).limit(_WAVE))).all()
        while True:
            await asyncio.gather(*(self._renew(one) for one in ids))

    async def _renew(self, connection_id: UUID) -> None:
        async with self._semaphore, self._sessions() as session:
            row = await session.get_one(_TokenRow, connection_id)
            authorization = self._vault.open(_sealed(row)).authorization
            renewed = await self._ask(authorization)
            row.generation += 1
            row.sealed = self._vault.seal(ConnectionId(connection_id), renewed)
            row.renewed_at = datetime.now(UTC)
            row.expires_at = row.renewed_at + timedelta(seconds=self._task.life_seconds)
            await session.commit()
            self.renewals += 1


async def measure_one_by_one(task: Task, ask: Ask) -> Outcome:
    """`ask` renews one token: from a value for the Authorization header to the next one."""
    engine = create_async_engine(task.database_url, pool_size=AT_ONCE)
    renewer = _Renewer(
        ask=ask,
        sessions=async_sessionmaker(engine),
        vault=Vault(keys=SealingKeys([parse_key(task.sealing_key)])),
        task=task,
    )
    running = asyncio.create_task(renewer.run())
    await _pass(running, task.warm_up_seconds)
    before, stopwatch = renewer.renewals, Stopwatch()
    await _pass(running, task.seconds)
    seconds, cpu_seconds = stopwatch.read()
    renewals = renewer.renewals - before
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await engine.dispose()
    return Outcome(
        renewals=renewals,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        details={"renewals_in_all": renewer.renewals},
    )


async def _pass(running: "asyncio.Task[None]", seconds: float) -> None:
    done, _ = await asyncio.wait({running}, timeout=seconds)
    if done:
        running.result()


def _sealed(row: _TokenRow) -> SealedToken:
    return SealedToken(ConnectionId(row.connection_id), row.generation, row.sealed, 0, 0)
