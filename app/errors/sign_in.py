"""Why somebody could not sign in at Infobip, or by an activation link."""

from app.errors import HearthError


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
