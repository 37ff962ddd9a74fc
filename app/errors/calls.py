"""What becomes of calls to Infobip, and of the connection that they use."""

from app.errors import HearthError


class InfobipUnreachable(HearthError):
    code = "infobip_unreachable"
    status = 502
    title = "Infobip cannot be reached"
    detail = "Infobip did not give a usable answer. Please try again in a moment."


class InfobipTimeout(HearthError):
    code = "infobip_timeout"
    status = 504
    title = "Infobip did not answer in time"
    detail = "Infobip took too long to answer. Please try again in a moment."


class InfobipThrottled(HearthError):
    code = "infobip_throttled"
    status = 503
    title = "Infobip is busy"
    detail = "Infobip asked us to slow down. Please try again in a moment."


class NotAllowed(HearthError):
    code = "not_allowed"
    status = 403
    title = "This call is not allowed"
    detail = "The operator has not allowed this method and path (GATEWAY_ALLOW)."


class GatewayBusy(HearthError):
    code = "gateway_busy"
    status = 503
    title = "Too many calls at once"
    detail = "As many calls are under way as may be. Please try again in a moment."


class AnswerBrokenOff(Exception):
    """An answer that had begun could not be completed; the connection is cut to show it."""


class RenewalTimedOut(HearthError):
    """A token was to be renewed before its time, and was not soon enough."""

    code = "renewal_timed_out"
    status = 504
    title = "The token was not renewed in time"
    detail = (
        "Either Infobip did not answer, or no refresher is running that renews this connection. "
        "Its old token may be alive still: try again."
    )


class ConnectionLost(HearthError):
    """The connection has no live token, or no key any more.

    `reconnect_url` is where a person makes a new one; None where no person can.
    """

    code = "connection_lost"
    status = 409
    title = "The connection to Infobip was lost"
    detail = "Connect again to go on."

    def __init__(self, *, reconnect_url: str | None, detail: str | None = None) -> None:
        super().__init__(detail)
        self.reconnect_url = reconnect_url
