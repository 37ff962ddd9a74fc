"""Our settings against what Infobip knows of the app, in sentences that show no secret."""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.infobip.app_credentials import AppCredentials
from app.models.identifiers import ConnectionId


@dataclass(frozen=True, slots=True, kw_only=True)
class OurApp:
    """What the settings say of the app. `redirect_uri` is the one that flows really send."""

    app_id: str | None
    client_id: str | None
    client_secrets: tuple[str, ...] = field(repr=False)
    redirect_uri: str
    signing_secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ShownValue:
    """A value that is no secret, on both sides; None where it is not set or not known."""

    ours: str | None
    infobip: str | None = None

    @property
    def matches(self) -> bool | None:
        """To the letter; None where Infobip's is not known."""
        return None if self.infobip is None else self.ours == self.infobip


@dataclass(frozen=True, slots=True)
class SecretValue:
    """A secret: whether we have one, and whether that is right. None: not compared."""

    configured: bool
    matches: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppReport:
    """What came of it. `ok` is None where it could not be found out.

    `checked_with` is the connection on whose behalf Infobip was asked. The findings are sentences
    that say how to mend it; there may be some that only inform while `ok` is True or None.
    """

    app_id: str | None
    checked_with: ConnectionId | None
    ok: bool | None
    client_id: ShownValue
    redirect_uri: ShownValue
    client_secret: SecretValue
    signing_secret: SecretValue
    findings: tuple[str, ...]


def nothing_compared(ours: OurApp, finding: str, *, ok: bool | None = None) -> AppReport:
    """The report where Infobip said nothing of the app."""
    return AppReport(
        app_id=ours.app_id,
        checked_with=None,
        ok=ok,
        client_id=ShownValue(ours.client_id),
        redirect_uri=ShownValue(ours.redirect_uri),
        client_secret=SecretValue(bool(ours.client_secrets)),
        signing_secret=SecretValue(bool(ours.signing_secrets)),
        findings=(finding,),
    )


def compare(ours: OurApp, theirs: AppCredentials, *, checked_with: ConnectionId) -> AppReport:
    """The report on an app shell that Infobip showed us."""
    client_id = ShownValue(ours.client_id, theirs.client_id)
    redirect_uri = ShownValue(ours.redirect_uri, theirs.redirect_uri)
    client_secret = _is_among(ours.client_secrets, theirs.client_secret)
    signing_secret = (
        _is_among(ours.signing_secrets, theirs.signing_secret) if ours.signing_secrets else None
    )
    needed = (client_id.matches, redirect_uri.matches, client_secret, _is_the_one(ours, theirs))
    wrong = False in needed or signing_secret is False
    return AppReport(
        app_id=ours.app_id,
        checked_with=checked_with,
        ok=False if wrong else None if None in needed else True,
        client_id=client_id,
        redirect_uri=redirect_uri,
        client_secret=SecretValue(bool(ours.client_secrets), client_secret),
        signing_secret=SecretValue(bool(ours.signing_secrets), signing_secret),
        findings=(
            *_app_findings(ours, theirs),
            *_client_findings(client_id, redirect_uri),
            *_client_secret_findings(ours.client_secrets, theirs.client_secret),
            *_signing_secret_findings(ours.signing_secrets, theirs.signing_secret),
        ),
    )


def _is_the_one(ours: OurApp, theirs: AppCredentials) -> bool:
    return theirs.app_id is None or theirs.app_id.lower() == (ours.app_id or "").lower()


def _same_secret(ours: str, theirs: str | None) -> bool:
    """In constant time."""
    return theirs is not None and hmac.compare_digest(ours.encode(), theirs.encode())


def _is_among(ours: tuple[str, ...], theirs: str | None) -> bool:
    """Whether theirs is one of ours, or both sides have none."""
    if not ours:
        return theirs is None
    return any(_same_secret(one, theirs) for one in ours)


def _app_findings(ours: OurApp, theirs: AppCredentials) -> Iterator[str]:
    if not _is_the_one(ours, theirs):
        yield (
            f"Infobip was asked for the app {ours.app_id} and answered with {theirs.app_id}: "
            "check INFOBIP_APP_ID."
        )


def _client_findings(client_id: ShownValue, redirect_uri: ShownValue) -> Iterator[str]:
    if client_id.matches is False:
        yield (
            f"INFOBIP_CLIENT_ID is {client_id.ours}, the app shell's client ID is "
            f"{client_id.infobip}: copy that, or check INFOBIP_APP_ID."
        )
    if redirect_uri.matches is False:
        yield (
            f"Sign-ins are to come back to {redirect_uri.ours}, the app shell's redirect URL is "
            f"{redirect_uri.infobip}: make them the same to the letter, there or by "
            "INFOBIP_REDIRECT_URI or PUBLIC_URL here."
        )
    for name, value in (("client ID", client_id), ("redirect URL", redirect_uri)):
        if value.matches is None:
            yield f"Infobip did not say the app shell's {name}: compare it by eye."


def _client_secret_findings(ours: tuple[str, ...], theirs: str | None) -> Iterator[str]:
    if _is_among(ours, theirs):
        yield from _spare_findings("INFOBIP_CLIENT_SECRET", ours, theirs)
    elif not ours:
        yield (
            "INFOBIP_CLIENT_SECRET is not set, and the app shell has a client secret: copy it, or "
            "Infobip will refuse our sign-ins."
        )
    elif theirs is None:
        yield (
            "INFOBIP_CLIENT_SECRET is set, and the app shell has no client secret: unset it, so "
            "that sign-ins prove themselves by PKCE."
        )
    else:
        yield _wrong("INFOBIP_CLIENT_SECRET", "client secret", ours)


def _signing_secret_findings(ours: tuple[str, ...], theirs: str | None) -> Iterator[str]:
    if _is_among(ours, theirs):
        yield from _spare_findings("INFOBIP_SIGNING_SECRET", ours, theirs)
    elif not ours:
        yield (
            "INFOBIP_SIGNING_SECRET is not set, and the app shell has a signing secret: copy it "
            "if Infobip is to call this app with signatures that cover what it says."
        )
    elif theirs is None:
        yield (
            "INFOBIP_SIGNING_SECRET is set, and the app shell has no signing secret: unset it, or "
            "make one there."
        )
    else:
        yield _wrong("INFOBIP_SIGNING_SECRET", "signing secret", ours)


def _spare_findings(name: str, ours: tuple[str, ...], theirs: str | None) -> Iterator[str]:
    if len(ours) > 1:
        number = [_same_secret(one, theirs) for one in ours].index(True) + 1
        yield (
            f"{name} lists {len(ours)} secrets, and number {number} is the app shell's: once that "
            "is the new one, take the others out."
        )


def _wrong(name: str, what: str, ours: tuple[str, ...]) -> str:
    subject = f"{name} is not" if len(ours) == 1 else f"None of {name} is"
    return f"{subject} the app shell's {what}: copy it anew."
