"""Asking Infobip what it knows of our app, on behalf of a connection that is alive."""

from collections.abc import Sequence

import structlog

from app.connections.app_comparison import AppReport, OurApp, compare, nothing_compared
from app.connections.tokens import NoLiveToken, UsableTokens
from app.infobip.app_credentials import AppCredentials, Portal
from app.infobip.errors import (
    AppUnknown,
    InfobipError,
    Refused,
    TimedOut,
    Unintelligible,
    Unreachable,
)
from app.models.connection import Connection
from app.store.connections import ConnectionStore
from app.store.database import Database

log = structlog.get_logger(__name__)

_MOST_ATTEMPTS = 3

_NO_APP_ID = (
    "INFOBIP_APP_ID is not set, so nothing was compared: copy the app's id from your app shell to "
    "have these settings checked against it."
)
_NO_CLIENT_ID = "INFOBIP_CLIENT_ID is not set: without OAuth there is nothing to compare."
_NO_CONNECTION = (
    "No connection is alive yet, and Infobip shows an app's credentials to signed-in users alone: "
    "open the app once in Infobip, then ask again."
)
_NONE_OPENS = (
    "There are live connections, but none of their tokens could be opened: check that "
    "ENCRYPTION_KEYS has the key that they were sealed with, then ask again."
)


class AppCheck:
    """Do our settings fit the app shell?"""

    def __init__(
        self, *, ours: OurApp, portal: Portal, database: Database, tokens: UsableTokens
    ) -> None:
        self._ours = ours
        self._portal = portal
        self._database = database
        self._tokens = tokens

    async def run(self) -> AppReport:
        """Ask, compare, report; whatever Infobip does is a finding. Raises DatabaseUnavailable."""
        if self._ours.app_id is None:
            return nothing_compared(self._ours, _NO_APP_ID)
        if self._ours.client_id is None:
            return nothing_compared(self._ours, _NO_CLIENT_ID)
        async with self._database.statement() as tx:
            alive = await ConnectionStore(tx).list_alive(limit=_MOST_ATTEMPTS)
        if not alive:
            return nothing_compared(self._ours, _NO_CONNECTION)
        return await self._ask(self._ours.app_id, alive)

    async def _ask(self, app_id: str, alive: Sequence[Connection]) -> AppReport:
        """On behalf of one connection after the other, as long as they are refused."""
        refusals: list[Refused] = []
        for connection in alive:
            try:
                theirs = await self._credentials(app_id, connection)
                return compare(self._ours, theirs, checked_with=connection.id)
            except NoLiveToken:
                continue
            except Refused as error:
                _note(connection, error)
                refusals.append(error)
            except InfobipError as error:
                _note(connection, error)
                return nothing_compared(self._ours, _in_the_way(self._portal.url, error))
        return self._refused(app_id, refusals)

    async def _credentials(self, app_id: str, connection: Connection) -> AppCredentials:
        usable = await self._tokens.usable(connection)
        return await self._portal.app_credentials(app_id, authorization=usable.authorization)

    def _refused(self, app_id: str, refusals: Sequence[Refused]) -> AppReport:
        if not refusals:
            return nothing_compared(self._ours, _NONE_OPENS)
        if all(isinstance(error, AppUnknown) for error in refusals):
            finding = (
                f"Infobip knows no app with the id {app_id}: copy the id of your app shell into "
                "INFOBIP_APP_ID."
            )
            return nothing_compared(self._ours, finding, ok=False)
        finding = (
            f"Infobip did not show us the app shell ({refusals[-1]}): open the app once in "
            "Infobip as a user who may see its app shell, then ask again."
        )
        return nothing_compared(self._ours, finding)


def _note(connection: Connection, error: InfobipError) -> None:
    log.warning(
        "app_check_failed",
        connection_id=str(connection.id),
        reason=error.reason,
        error=str(error),
    )


def _in_the_way(url: str, error: InfobipError) -> str:
    match error:
        case Unreachable() | TimedOut():
            return f"{url} does not answer ({error.reason}): check INFOBIP_PORTAL_URL and network."
        case Unintelligible():
            return (
                f"{url} answered with something else than an app (status {error.status}): check "
                "INFOBIP_PORTAL_URL."
            )
        case _:
            return f"{url} cannot say it now ({error.reason}): ask again later."
