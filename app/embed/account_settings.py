"""What an app keeps for an account: read by all its users, changed by those who may."""

from collections.abc import Collection

import msgspec

from app.embed.settings_schema import SettingsSchema
from app.errors.pages import RoleMissing, SettingsChanged, SettingsInvalid
from app.errors.requests import MalformedRequest, RequestTooLarge
from app.models.account_settings import Expected, SettingsVersion
from app.models.audit import BROWSER, Action, Deed
from app.models.connection import Profile
from app.models.event import Event, EventType
from app.store.account_settings import VERSIONS_KEPT, AccountSettingsStore
from app.store.audit import AuditStore
from app.store.database import Database
from app.store.outbox import OutboxStore

_TRIES_AGAINST_OTHERS = 5


class AccountSettings:
    """One JSON document per account, `{}` until somebody saves one.

    `write_roles` are names or ids of roles in Infobip, one of which is needed to save; none
    lets everybody.
    """

    def __init__(
        self,
        *,
        database: Database,
        schema: SettingsSchema | None,
        write_roles: Collection[str],
        max_bytes: int,
    ) -> None:
        self.schema = schema
        self._database = database
        self._write_roles = frozenset(write_roles)
        self._max_bytes = max_bytes

    async def read(self, account_key: str) -> SettingsVersion:
        """What was saved last. Raises DatabaseUnavailable."""
        async with self._database.statement() as tx:
            saved = await AccountSettingsStore(tx).latest(account_key)
        return saved or SettingsVersion(account_key, 0, "{}")

    def may_save(self, profile: Profile) -> bool:
        """By the roles that the person had when they signed in."""
        roles = {word for role in profile.roles for word in (str(role.id), role.name.strip())}
        return not self._write_roles or not roles.isdisjoint(self._write_roles)

    async def save(
        self, document: bytes, *, profile: Profile, account_key: str, expected: Expected
    ) -> SettingsVersion:
        """Save as the next version, for all of the account's users.

        Raises RoleMissing, RequestTooLarge, MalformedRequest, SettingsInvalid, SettingsChanged
        where the last version is none of those expected, or DatabaseUnavailable.
        """
        if not self.may_save(profile):
            raise RoleMissing
        wanted = SettingsVersion(
            account_key,
            0,
            self._judged(document),
            saved_by=profile.user_key,
            username=profile.username,
        )
        for _ in range(_TRIES_AGAINST_OTHERS):
            async with self._database.transaction() as tx:
                saved = await AccountSettingsStore(tx).put(wanted, expected=expected)
                if saved is not None:
                    await AuditStore(tx).add(_deed(saved))
                    await OutboxStore(tx).add(_event(saved))
            if saved is not None:
                return saved
            current = await self.read(account_key)
            if not (expected.any_saved and current.version):
                raise SettingsChanged(tag=current.tag)
        raise SettingsChanged(tag=current.tag)

    async def history(self, account_key: str) -> list[SettingsVersion]:
        """The versions that are kept, the newest first."""
        async with self._database.statement() as tx:
            return await AccountSettingsStore(tx).list_newest(account_key, limit=VERSIONS_KEPT)

    def _judged(self, document: bytes) -> str:
        """As it was written, if it may be kept."""
        if len(document) > self._max_bytes:
            raise RequestTooLarge(f"Settings may have {self._max_bytes} bytes at most.")
        try:
            text = document.decode()
            value = msgspec.json.decode(document)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedRequest("The settings are not JSON in UTF-8.") from error
        if not isinstance(value, dict):
            raise MalformedRequest("The settings have to be a JSON object.")
        faults = list(self.schema.faults(value)) if self.schema else []
        if faults:
            raise SettingsInvalid([(fault.pointer, fault.problem) for fault in faults])
        return text


def _deed(saved: SettingsVersion) -> Deed:
    details = {
        "accountKey": saved.account_key,
        "userKey": saved.saved_by or "",
        "version": str(saved.version),
    }
    return Deed(BROWSER, Action.SETTINGS_CHANGED, None, details)


def _event(saved: SettingsVersion) -> Event:
    """Without the document: what is in it is the app's and the account's own."""
    about = {
        "accountKey": saved.account_key,
        "userKey": saved.saved_by,
        "version": saved.version,
    }
    return Event(EventType.SETTINGS_CHANGED, about)
