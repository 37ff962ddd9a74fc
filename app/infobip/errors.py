"""What can come of a call to Infobip, in one tree.

The question that matters to whoever holds a token: is it *refused* (the end), is it *passing
trouble* (try again while it lives), or is the answer *unintelligible* (as good as none)?
"""


class InfobipError(Exception):
    """Base of all errors of this package. `reason` is a short stable word for logs."""

    reason = "error"


class Refused(InfobipError):
    """Infobip understood and said no. `code` is Infobip's own word for it, if it gave one."""

    reason = "refused"

    def __init__(self, *, status: int, code: str | None) -> None:
        super().__init__(f"refused with {status} {code or '(no code)'}")
        self.status = status
        self.code = code


class GrantRefused(Refused):
    """The code or the token was refused: it is unknown, used, or no longer alive."""


class ClientRefused(Refused):
    """The client id, secret or redirect URI was refused; the grant itself may be fine."""

    reason = "client_refused"


class AppUnknown(Refused):
    """There is no app with the id that was asked for, or it is hidden from who asked."""

    reason = "app_unknown"


class PassingTrouble(InfobipError):
    """Nothing was decided; a later attempt may succeed."""


class Unreachable(PassingTrouble):
    """No connection, or it broke. Whether Infobip acted is unknown."""

    reason = "unreachable"


class TimedOut(PassingTrouble):
    """No answer in time. Whether Infobip acted is unknown."""

    reason = "timed_out"


class ServerTrouble(PassingTrouble):
    """A 5xx answer."""

    reason = "server_error"

    def __init__(self, *, status: int) -> None:
        super().__init__(f"answered {status}")
        self.status = status


class Throttled(PassingTrouble):
    """A 429 answer; `retry_after_seconds` when the server named a delay."""

    reason = "throttled"

    def __init__(self, *, retry_after_seconds: float | None) -> None:
        super().__init__("answered 429")
        self.retry_after_seconds = retry_after_seconds


class Unintelligible(InfobipError):
    """An answer that is neither a token nor a known refusal. Whether Infobip acted is unknown."""

    reason = "unintelligible"

    def __init__(self, what: str, *, status: int) -> None:
        super().__init__(f"{what} (status {status})")
        self.status = status
