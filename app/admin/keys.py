"""Admin keys: who may call the admin API, and for what."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from app.errors import ConfigurationError
from app.models.audit import BROWSER, SETTINGS, STRANGER

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_SECRET = re.compile(r"[\x21-\x7e]{16,512}", re.ASCII)
_FORM = "`name:secret` or `name:secret:scope+scope`"


class Scope(StrEnum):
    """What a key is good for. None implies another: a key that shall do all names all three."""

    READ = "read"
    """Looking: connections, the record, the settings' state. Never a credential."""
    WRITE = "write"
    """Making, changing and ending connections."""
    CREDENTIALS = "credentials"
    """Acting as a connection: its authorization, and calls to Infobip through the gateway."""


_DEFAULT_SCOPES = frozenset({Scope.READ, Scope.WRITE})


@dataclass(frozen=True, slots=True)
class Admin:
    """Who calls: the name of the key stands on record for what was done with it."""

    name: str
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class AdminKeys:
    """All keys of a deployment, as SHA-256 digests; the secrets themselves are not kept."""

    _admins: tuple[tuple[bytes, Admin], ...] = field(repr=False)

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Self:
        """Read `name:secret` and `name:secret:scope+scope` entries.

        Raises ConfigurationError with a sentence for each entry that is wrong. Entries are told
        by their number alone: in a wrong one, any part may be the secret.
        """
        found: list[tuple[bytes, Admin]] = []
        complaints: list[str] = []
        for number, entry in enumerate(entries, start=1):
            try:
                found.append(_parse(entry, found))
            except ValueError as error:
                complaints.append(f"ADMIN_KEYS: entry {number} {error}.")
        if complaints:
            raise ConfigurationError("\n".join(complaints))
        return cls(tuple(found))

    def __len__(self) -> int:
        return len(self._admins)

    def find(self, secret: str) -> Admin | None:
        """Whose secret this is. Takes as long whichever key it is, and if it is none."""
        digest = _digest(secret)
        found: Admin | None = None
        for known, admin in self._admins:
            if hmac.compare_digest(known, digest):
                found = admin
        return found


def _parse(entry: str, before: list[tuple[bytes, Admin]]) -> tuple[bytes, Admin]:
    """Raises ValueError with the end of a sentence."""
    name, *rest = entry.split(":")
    if len(rest) not in (1, 2):
        raise ValueError(f"is not of the form {_FORM}; a secret has no colon")
    if not _NAME.fullmatch(name):
        raise ValueError("has a name that is not 1 to 64 of A-Z a-z 0-9 . _ -")
    if name in (BROWSER, SETTINGS, STRANGER):
        raise ValueError("has a name by which the record calls others")
    if not _SECRET.fullmatch(rest[0]):
        raise ValueError("has a secret that is not 16 to 512 printable ASCII characters")
    admin = Admin(name, _scopes(rest[1]) if len(rest) == 2 else _DEFAULT_SCOPES)
    digest = _digest(rest[0])
    if any(name == other.name for _, other in before):
        raise ValueError("has the name of an entry before it")
    if any(digest == known for known, _ in before):
        raise ValueError("has the secret of an entry before it")
    return digest, admin


def _scopes(text: str) -> frozenset[Scope]:
    try:
        return frozenset(Scope(word) for word in text.split("+"))
    except ValueError:
        raise ValueError(f"names scopes other than {', '.join(Scope)}, joined by +") from None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
