"""The settings that an app keeps for an account of Infobip: one JSON document, in versions."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SettingsVersion:
    """A document as it was saved, as JSON text. Version 0 is `{}`, which nobody has saved.

    `saved_by` is the user's key in Infobip, `username` their name at that time.
    """

    account_key: str
    version: int
    document: str = field(repr=False)
    saved_at: datetime | None = None
    saved_by: str | None = None
    username: str | None = None

    @property
    def tag(self) -> str:
        """See `tag_of`."""
        return tag_of(self.account_key, self.version)


def tag_of(account_key: str, version: int) -> str:
    """An opaque name of this version, unlike that of any version of another account's settings:
    the person at a browser may have changed accounts between reading and saving."""
    digest = hashlib.sha256(f"{version}/{account_key}".encode()).hexdigest()
    return f"{version}-{digest[:16]}"


@dataclass(frozen=True, slots=True)
class Expected:
    """Which versions a change may follow on: these, or `any_saved` one."""

    versions: tuple[int, ...] = ()
    any_saved: bool = False
