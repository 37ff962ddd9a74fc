"""`python -m app check`: what stands between this configuration and serving."""

import asyncio
import re
from collections.abc import Sequence
from typing import TextIO

from app.deployment import with_database
from app.embedded_postgres import EmbeddedPostgresError
from app.errors import ConfigurationError, DatabaseUnavailable
from app.factory import open_process, problems_of
from app.infobip.api_keys import check_api_key
from app.infobip.errors import InfobipError, Refused
from app.infobip.transport import Transport
from app.parts import check_proxies, open_database
from app.settings import Settings
from app.store.schema import Schema, schema_of

_PROBE_SECONDS = 10.0


def diagnose(out: TextIO) -> int:
    """Write one line per finding; 0 when nothing is wrong."""
    settings, found = Settings.load_what_is_right()
    named = {sentence.partition(":")[0] for sentence in found}
    found += [one for one in problems_of(settings) if re.split("[: ]", one)[0] not in named]
    _report(out, "Settings", found)
    try:
        with with_database(settings) as ready:
            further = asyncio.run(_outside_problems(ready, out, sound=not found))
    except EmbeddedPostgresError as error:
        further = [str(error)]
        _report(out, "Database", further)
    return 1 if found or further else 0


async def _outside_problems(settings: Settings, out: TextIO, *, sound: bool) -> list[str]:
    database = await _database_problems(settings)
    _report(out, "Database", database)
    infobip = await _infobip_problems(settings)
    _report(out, "Infobip", infobip)
    app = await _app_problems(settings, out) if sound and not database else []
    return database + infobip + app


async def _database_problems(settings: Settings) -> list[str]:
    try:
        database = open_database(settings)
    except ConfigurationError:
        return ["Not looked at, as DATABASE_URL cannot be used."]
    try:
        if await schema_of(database) is not Schema.OLD:
            return []
        return ["The schema is not this version's: run `python -m app migrate`."]
    except DatabaseUnavailable as error:
        return [f"It cannot be reached ({error.__cause__}): check DATABASE_URL."]
    finally:
        await database.close()


async def _infobip_problems(settings: Settings) -> list[str]:
    """What of Infobip's we need and cannot use."""
    infobip, found = settings.infobip, []
    try:
        check_proxies()
    except ConfigurationError:
        return ["Not looked at, as HTTPS_PROXY cannot be used."]
    async with Transport() as transport:
        if infobip.client_id is not None or infobip.api_key is None:
            found += await _token_endpoint_problems(f"{infobip.oauth_url}/token", transport)
        if infobip.api_key is not None:
            api_key = infobip.api_key.get_secret_value()
            found += await _api_key_problems(infobip.api_url, api_key, transport)
    return found


async def _token_endpoint_problems(url: str, transport: Transport) -> list[str]:
    """Whether it answers at all; any HTTP answer will do."""
    try:
        await transport.send("GET", url, headers={}, body=b"", timeout_seconds=_PROBE_SECONDS)
    except InfobipError as error:
        return [f"{url} does not answer ({error.reason}): check the network and INFOBIP_OAUTH_URL."]
    return []


async def _api_key_problems(api_url: str, api_key: str, transport: Transport) -> list[str]:
    try:
        await check_api_key(transport, api_url=api_url, api_key=api_key)
    except Refused:
        return ["INFOBIP_API_KEY is not accepted: check the key, its expiry and its IP allow-list."]
    except InfobipError as error:
        return [f"{api_url} does not answer ({error.reason}): check the network, INFOBIP_API_URL."]
    return []


async def _app_problems(settings: Settings, out: TextIO) -> list[str]:
    """Whether the settings fit Infobip's app shell; not being able to tell is no problem."""
    async with open_process(settings) as process:
        report = await process.app_check.run()
    _report(out, "App credentials", report.findings)
    return list(report.findings) if report.ok is False else []


def _report(out: TextIO, subject: str, found: Sequence[str]) -> None:
    for sentence in found or ["ok"]:
        out.write(f"{subject}: {sentence}\n")
