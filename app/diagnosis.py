"""`python -m app check`: what stands between this configuration and serving."""

import asyncio
from typing import TextIO

from app.deployment import with_database
from app.embedded_postgres import EmbeddedPostgresError
from app.errors import ConfigurationError, DatabaseUnavailable
from app.factory import open_database, problems_of
from app.infobip.errors import InfobipError
from app.infobip.transport import Transport
from app.settings import Settings
from app.store.schema import is_current

_PROBE_SECONDS = 10.0


def diagnose(out: TextIO) -> int:
    """Write one line per finding; 0 when nothing is wrong."""
    try:
        settings = Settings.load()
        found = problems_of(settings)
    except ConfigurationError as error:
        found = error.detail.splitlines()
        _report(out, "Settings", found)
        return 1
    _report(out, "Settings", found)
    try:
        with with_database(settings) as ready:
            further = asyncio.run(_outside_problems(ready, out))
    except EmbeddedPostgresError as error:
        further = [str(error)]
        _report(out, "Database", further)
    return 1 if found or further else 0


async def _outside_problems(settings: Settings, out: TextIO) -> list[str]:
    database = await _database_problems(settings)
    _report(out, "Database", database)
    infobip = await _infobip_problems(settings)
    _report(out, "Infobip", infobip)
    return database + infobip


async def _database_problems(settings: Settings) -> list[str]:
    database = open_database(settings)
    try:
        if await is_current(database):
            return []
        return ["The schema is not this version's: run `python -m app migrate`."]
    except DatabaseUnavailable as error:
        return [f"It cannot be reached ({error.__cause__}): check DATABASE_URL."]
    finally:
        await database.close()


async def _infobip_problems(settings: Settings) -> list[str]:
    """Whether the token endpoint answers at all; any HTTP answer will do."""
    url = f"{settings.infobip.oauth_url}/token"
    async with Transport() as transport:
        try:
            await transport.send("GET", url, headers={}, body=b"", timeout_seconds=_PROBE_SECONDS)
        except InfobipError as error:
            return [
                f"{url} does not answer ({error.reason}): check the network and INFOBIP_OAUTH_URL."
            ]
    return []


def _report(out: TextIO, subject: str, found: list[str]) -> None:
    for sentence in found or ["ok"]:
        out.write(f"{subject}: {sentence}\n")
