"""Getting a process ready to run: its settings, its database, its keys, its schema."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import structlog
from pydantic import SecretStr

from app.embedded_postgres import EmbeddedPostgres
from app.errors import ConfigurationError, MigrationInTheWay
from app.factory import problems_of
from app.parts import open_database
from app.security.sealing import generate_key, parse_key
from app.settings import Settings
from app.store.database import Database
from app.store.schema import Schema, migrate, schema_of

log = structlog.get_logger(__name__)

_KEY_FILE = "encryption.key"
_MORE_ATTEMPTS = 9
_PAUSE_SECONDS = 2.0
"""Between two attempts at a migration: who waited for its locks has to get on."""


@contextmanager
def with_database(settings: Settings) -> Iterator[Settings]:
    """The settings with a database that runs: DATABASE_URL's, or an embedded one of our own.

    Call it from the main thread, before an event loop runs. With the embedded database, a
    missing encryption key is made and kept in DATA_DIR. Raises EmbeddedPostgresError.
    """
    if settings.storage.database_url is not None:
        yield settings
        return
    data_dir = settings.storage.data_dir
    log.warning(
        "embedded_database",
        data_dir=str(data_dir),
        advice="DATABASE_URL is not set: using an embedded PostgreSQL, made for one machine only",
    )
    with EmbeddedPostgres(data_dir=data_dir / "postgres") as postgres:
        keys = settings.storage.encryption_keys or (SecretStr(_kept_key(data_dir)),)
        changes = {"database_url": SecretStr(postgres.url), "encryption_keys": keys}
        yield replace(settings, storage=settings.storage.model_copy(update=changes))


def require_sound(settings: Settings) -> None:
    """Raises ConfigurationError with all that is wrong, a sentence a line."""
    found = problems_of(settings)
    if found:
        raise ConfigurationError("\n".join(found))


async def prepare_schema(settings: Settings, *, embedded: bool) -> None:
    """An embedded database is migrated; a given one has to be at our schema already, or at a later
    version's, which is about to take our place.

    Raises ConfigurationError that names the command, or DatabaseUnavailable.
    """
    if embedded:
        await migrate_database(settings)
        return
    database = open_database(settings)
    try:
        schema = await schema_of(database)
    finally:
        await database.close()
    if schema is Schema.NEWER:
        log.warning("schema_of_a_later_version")
    elif schema is Schema.OLD:
        raise ConfigurationError(
            "The database does not have the schema of this version. "
            "Run `python -m app migrate` first."
        )


async def migrate_database(settings: Settings) -> None:
    """Apply all outstanding migrations; none where a later version has been there.

    Those who are busy are let pass: what runs goes on meanwhile. Raises MigrationInTheWay when
    that did not help, or DatabaseUnavailable.
    """
    database = open_database(settings, command_seconds=None)
    try:
        if await schema_of(database) is Schema.NEWER:
            log.warning("schema_of_a_later_version")
        else:
            await _migrate_between(database)
    finally:
        await database.close()


async def _migrate_between(database: Database) -> None:
    for _ in range(_MORE_ATTEMPTS):
        try:
            await migrate(database)
        except MigrationInTheWay:
            log.warning("migration_waits", again_after_seconds=_PAUSE_SECONDS)
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return
    await migrate(database)


def _kept_key(data_dir: Path) -> str:
    """The key in DATA_DIR, made at the first start and readable by its owner alone."""
    path = data_dir / _KEY_FILE
    data_dir.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _write_once(path, generate_key())
    key = path.read_text().strip()
    try:
        parse_key(key)
    except ValueError as error:
        raise ConfigurationError(f"{path} is not a key ({error}). Restore it.") from error
    return key


def _write_once(path: Path, text: str) -> None:
    """Write a new file as a whole or not at all; one that is there already stays."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
        log.info("encryption_key_made", path=str(path))
    except FileExistsError:
        pass
    finally:
        draft.unlink()
