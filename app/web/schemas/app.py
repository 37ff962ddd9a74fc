"""The check of our settings against Infobip's app shell, as the admin API shows it."""

from uuid import UUID

from app.web.schemas.json import Json


class ShownJson(Json):
    """A value that is no secret. `matches` is null where Infobip's is not known."""

    ours: str | None
    infobip: str | None
    matches: bool | None


class SecretJson(Json):
    """Whether we have the secret, and whether it is right; null where it was not compared."""

    configured: bool
    matches: bool | None


class AppJson(Json):
    """What came of the check. `ok` is null where it could not be found out; never a secret."""

    app_id: str | None
    checked_with: UUID | None
    ok: bool | None
    client_id: ShownJson
    redirect_uri: ShownJson
    client_secret: SecretJson
    signing_secret: SecretJson
    findings: list[str]
