"""Runs migrations on the connection that `app.store.schema` hands in."""

from alembic import context
from sqlalchemy import Connection, text

from app.store.tables import metadata

_LOCK_TIMEOUT = "5s"


def run(connection: Connection) -> None:
    """In the caller's transaction, which gives up rather than queue on a lock.

    A migration that waits for a lock makes every later query on that table wait behind it.
    """
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        compare_server_default=True,
    )
    connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
    context.run_migrations()


run(context.config.attributes["connection"])
