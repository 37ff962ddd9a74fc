"""What embedded pages are told of their sessions and settings."""

from app.errors import HearthError


class NotSignedIn(HearthError):
    code = "not_signed_in"
    status = 401
    title = "Not signed in"
    detail = "There is no session, or it has ended. Load the page again to sign in."


class HandoverUnknown(HearthError):
    """A hand-over code that was never given, was taken up, or is over."""

    code = "unknown_handover"
    status = 400
    title = "This sign-in was handed over already"
    detail = "The code is good once and for a minute. Load the page again to sign in."


class TooManyStreams(HearthError):
    code = "too_many_streams"
    status = 429
    title = "Too many open event streams"
    detail = "Close some of this session's pages, or ask GET /api/session now and then instead."


class RequestForged(HearthError):
    """A cookie-authenticated call without the marks of our own pages."""

    code = "forbidden_origin"
    status = 403
    title = "This call did not come from our pages"
    detail = "Calls with the session cookie need the header X-Hearth: 1 and our own origin."


class RoleMissing(HearthError):
    code = "role_required"
    status = 403
    title = "You may not change the settings"
    detail = "Changing them takes a role in Infobip that you do not have (SETTINGS_WRITE_ROLES)."


class SettingsChanged(HearthError):
    """`tag` names the version that is there now."""

    code = "settings_changed"
    status = 412
    title = "The settings were changed meanwhile"
    detail = "Somebody saved them after you read them. Read them again, then save your change."

    def __init__(self, *, tag: str, detail: str | None = None) -> None:
        super().__init__(detail)
        self.tag = tag


class PreconditionRequired(SettingsChanged):
    """There is something that could be overwritten unseen (RFC 6585 §3)."""

    code = "precondition_required"
    status = 428
    title = "Say which version you change"
    detail = (
        "Send If-Match with the ETag that you read, or If-Match: * to overwrite whatever it is."
    )


class SettingsInvalid(HearthError):
    """`faults` are pairs of a JSON Pointer and a sentence."""

    code = "settings_invalid"
    status = 422
    title = "The settings are not as they have to be"
    detail = "See errors, each with pointer and problem."

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__()
        self.faults = faults
