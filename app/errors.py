"""The one error tree of the application: what went wrong, in words that are safe to show.

`detail` is a sentence for the person or program outside. What helps only the operator
(exception texts, upstream answers) goes to the log, never in here.
"""


class HearthError(Exception):
    """Base of all errors that have an answer for the caller.

    `code` is stable and part of the public surface; `status` is the HTTP status.
    """

    code = "internal_error"
    status = 500
    title = "Something went wrong"
    detail = "The request could not be completed. Please try again."

    def __init__(
        self, detail: str | None = None, *, retry_after_seconds: int | None = None
    ) -> None:
        super().__init__(detail or self.detail)
        self.detail = detail or self.detail
        self.retry_after_seconds = retry_after_seconds


class ConfigurationError(HearthError):
    """Settings that do not add up; raised at start, never while serving."""

    code = "configuration"
    title = "The configuration does not add up"


class DatabaseUnavailable(HearthError):
    """Postgres cannot be reached or does not answer in time."""

    code = "database_unavailable"
    status = 503
    title = "Temporarily unavailable"
    detail = "Our database cannot be reached at the moment. Please try again shortly."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, retry_after_seconds=5)


class MigrationInTheWay(DatabaseUnavailable):
    """A migration did not get its locks in time, or met somebody who waited for it. All of it was
    undone."""

    code = "migration_in_the_way"
    detail = (
        "The migration could not get its locks: what runs was in its way. Nothing was changed; run "
        "it again."
    )


class MalformedRequest(HearthError):
    """A request that cannot be read as what it should be."""

    code = "malformed_request"
    status = 400
    title = "This request cannot be read"
    detail = "The request is malformed."


class RequestTooLarge(HearthError):
    code = "too_large"
    status = 413
    title = "This request is too large"
    detail = "The request is larger than is accepted here."


class Overloaded(HearthError):
    """More is being read at once than this process wants to hold."""

    code = "overloaded"
    status = 503
    title = "Too much at once"
    detail = "Too much is being sent to us at once. Please try again shortly."


class AddressTooLong(HearthError):
    code = "address_too_long"
    status = 414
    title = "This address is too long"
    detail = "The address has more parameters than can be kept."


class NotFound(HearthError):
    code = "not_found"
    status = 404
    title = "Not found"
    detail = "There is nothing at this address."


# --- authorisation flows ------------------------------------------------------------------


class FlowUnknown(HearthError):
    """No pending flow has this state: never begun, used, expired, or made up."""

    code = "unknown_state"
    status = 400
    title = "This sign-in is no longer valid"
    detail = "It has expired or was already used. Open the app again to sign in."


class TooManyFlows(HearthError):
    """One client began more sign-ins than `FLOWS_PER_MINUTE`."""

    code = "too_many_flows"
    status = 429
    title = "Too many sign-ins at once"
    detail = "Too many sign-ins began from your network. Please try again in a moment."


class WrongBrowser(HearthError):
    """A flow with this state is pending, but this browser did not begin it."""

    code = "wrong_browser"
    status = 403
    title = "This sign-in was not started in this browser"
    detail = (
        "The sign-in has to finish in the browser where it began, and that browser has to "
        "keep our cookie. Reload the page to sign in again."
    )


class AccessDeclined(HearthError):
    """The person, or an administrator, did not grant access (RFC 6749 `access_denied`)."""

    code = "access_denied"
    status = 403
    title = "Access was not granted"
    detail = "The request for access was declined in Infobip. Nothing was changed."


class AuthorizeFailed(HearthError):
    """Authorize sent the person back with an error other than `access_denied`."""

    code = "authorize_failed"
    status = 502
    title = "Infobip could not sign you in"
    detail = "Infobip ended the sign-in with an error. Please try again."


class CodeRefused(HearthError):
    """The token endpoint did not accept the authorisation code."""

    code = "code_refused"
    status = 400
    title = "Infobip did not accept this sign-in"
    detail = "The sign-in took too long or was used before. Please try again."


class ClientNotAccepted(HearthError):
    """The token endpoint does not accept our client id, secret or redirect URI."""

    code = "client_refused"
    status = 502
    title = "This app is not set up correctly"
    detail = "Infobip did not accept the app's own credentials. Please tell its operator."


class OAuthNotConfigured(HearthError):
    """There is an API key and no app shell: nobody can sign in."""

    code = "oauth_not_configured"
    status = 404
    title = "Nobody can sign in here"
    detail = "This app works with an API key. Pages and links need INFOBIP_CLIENT_ID as well."


# --- activation ---------------------------------------------------------------------------


class LinkUnknown(HearthError):
    """A link that was never made, or not quite like this."""

    code = "unknown_link"
    status = 404
    title = "This link is not valid"
    detail = "Check that it was copied as a whole, or ask for a new one."


class LinkExpired(HearthError):
    code = "link_expired"
    status = 410
    title = "This link is no longer valid"
    detail = "Its time is over. Ask for a new one."


class LinkUsed(HearthError):
    code = "link_used"
    status = 410
    title = "This link was used already"
    detail = "It is good for one connection only. Ask for a new one if you need another."


class LinkInUse(HearthError):
    """Another browser is on its way to Infobip with this link."""

    code = "link_in_use"
    status = 409
    title = "This link is being used in another browser"
    detail = "Finish there, or wait ten minutes and open it here again."


class WrongAccount(HearthError):
    """The account that came back is not the one that the link or connection is for."""

    code = "wrong_account"
    status = 403
    title = "This is a different Infobip account"
    detail = (
        "The connection belongs to another account than the one you are logged in to. Nothing "
        "was changed. Log in to the right account in Infobip and open the link again."
    )


class AlreadyLinked(HearthError):
    """This account and user are linked to another of the operator's customers."""

    code = "already_linked"
    status = 409
    title = "This Infobip user is linked already"
    detail = (
        "The user you are logged in as in Infobip is linked to somebody else here. Nothing was "
        "changed. Log in as another user, or have the other link removed first."
    )


class ReturnTargetRefused(HearthError):
    code = "return_to_refused"
    status = 400
    title = "This return address is not allowed"
    detail = "It has to be a path of this site, or begin with an address in RETURN_TO_ALLOW."


# --- administration -------------------------------------------------------------------------


class AdminKeyMissing(HearthError):
    code = "admin_key_required"
    status = 401
    title = "An admin key is required"
    detail = "Send one of ADMIN_KEYS as `Authorization: Bearer <secret>`."


class ScopeMissing(HearthError):
    code = "insufficient_scope"
    status = 403
    title = "This admin key may not do that"
    detail = "The key's scopes do not include what this call needs."


class ConnectionUnknown(HearthError):
    code = "unknown_connection"
    status = 404
    title = "There is no such connection"
    detail = "No connection has this id."


class EventUnknown(HearthError):
    code = "unknown_event"
    status = 404
    title = "There is no such event"
    detail = "No event has this id, or it is not kept any more."


class EventsNotConfigured(HearthError):
    """There is no receiver that an event could be sent to."""

    code = "events_not_configured"
    status = 409
    title = "Events are not sent anywhere"
    detail = "Set EVENTS_URL and EVENTS_SECRET to have events delivered."


class ExternalIdTaken(HearthError):
    """One name stands for one account, though several of its users may connect."""

    code = "external_id_taken"
    status = 409
    title = "This externalId is taken"
    detail = (
        "A connection of another account has this externalId. Nothing was changed. Disconnect "
        "that one or give it another externalId first."
    )


class ApiKeyRefused(HearthError):
    code = "api_key_refused"
    status = 400
    title = "Infobip does not accept this API key"
    detail = "Nothing was stored. Check the key, its expiry and its IP allow-list in Infobip."


class ApiUrlRefused(HearthError):
    code = "api_url_refused"
    status = 400
    title = "This is not an address of Infobip's API"
    detail = (
        "Use https://api.infobip.com or the account's https://<personal>.api.infobip.com, without "
        "a path. The operator can list further hosts in INFOBIP_API_HOSTS."
    )


# --- Infobip, as seen by our callers --------------------------------------------------------


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


# --- calls that Infobip signs ---------------------------------------------------------------


class SignedCallsNotConfigured(HearthError):
    """There is no secret that a signature could be checked with."""

    code = "signed_calls_not_configured"
    status = 404
    title = "Signed calls are not accepted here"
    detail = "Calls that Infobip signs are accepted once INFOBIP_SIGNING_SECRET is set."


class SignatureInvalid(HearthError):
    """Whatever was wrong with it: the log says which it was, the caller is not told."""

    code = "invalid_signature"
    status = 401
    title = "This call is not signed as Infobip signs"
    detail = "The signature does not fit the call, or the call was not signed just now."


class RequestTooSlow(HearthError):
    code = "too_slow"
    status = 408
    title = "This request took too long"
    detail = "The body did not arrive in time."


# --- sessions and the gateway ---------------------------------------------------------------


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


# --- settings of accounts -------------------------------------------------------------------


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
