"""Putting on record what changes nothing in the database by itself."""

from app.models.audit import Deed
from app.store.audit import AuditStore
from app.store.database import Database


class Record:
    """What changes something puts its own entry there, in its own transaction."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def put(self, deed: Deed) -> None:
        """Before it is done: nothing is done off the record. Raises DatabaseUnavailable."""
        async with self._database.transaction() as tx:
            await AuditStore(tx).add(deed)
