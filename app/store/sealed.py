"""Sealed values, wherever they are kept, by the key that they are sealed under."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Column, LargeBinary, Uuid, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from app.store.tables import connections, tokens


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """Where values are kept, and the id of the row that they are sealed for."""

    value: Column[Any]
    row: Column[Any]


TOKENS = SealedColumn(tokens.c.sealed, tokens.c.connection_id)
API_KEYS = SealedColumn(connections.c.sealed_api_key, connections.c.id)

SEALED_COLUMNS = (TOKENS, API_KEYS)
"""All there are; a test looks for more."""


@dataclass(frozen=True, slots=True)
class SealedValue:
    """What is stored for one row."""

    row: UUID
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What is stored for one row, and what shall be."""

    row: UUID
    old: bytes = field(repr=False)
    new: bytes = field(repr=False)


class SealedValues:
    """One of these columns."""

    def __init__(self, tx: AsyncConnection, column: SealedColumn) -> None:
        self._tx = tx
        self._column = column

    async def count_not_under(self, key_id: bytes) -> int:
        """How many values are sealed under another key than this."""
        statement = select(func.count()).where(self._not_under(key_id))
        return int((await self._tx.execute(statement)).scalar_one())

    async def list_not_under(
        self, key_id: bytes, *, after: UUID | None, limit: int
    ) -> list[SealedValue]:
        """The next of them, in the order of their rows."""
        row, value = self._column.row, self._column.value
        statement = select(row, value).where(self._not_under(key_id)).order_by(row).limit(limit)
        if after is not None:
            statement = statement.where(row > after)
        return [SealedValue(each[0], each[1]) for each in await self._tx.execute(statement)]

    async def exchange(self, batch: Sequence[Exchanged]) -> int:
        """Put new values where the old ones still are; how many.

        Whoever wrote a row meanwhile (a renewal, a disconnect) wins.
        """
        new = (
            func.unnest(
                literal([one.row for one in batch], ARRAY(Uuid)),
                literal([one.old for one in batch], ARRAY(LargeBinary)),
                literal([one.new for one in batch], ARRAY(LargeBinary)),
            )
            .table_valued("row", "old", "new")
            .render_derived(name="exchanged")
        )
        done = await self._tx.execute(
            update(self._column.row.table)
            .values({self._column.value: new.c.new})
            .where(self._column.row == new.c.row, self._column.value == new.c.old)
        )
        return int(done.rowcount)

    def _not_under(self, key_id: bytes) -> ColumnElement[bool]:
        return func.substring(self._column.value, 1, len(key_id)) != key_id
