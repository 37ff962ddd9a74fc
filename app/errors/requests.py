"""What is wrong with a request, whatever it asks for."""

from app.errors import HearthError


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


class RequestTooSlow(HearthError):
    code = "too_slow"
    status = 408
    title = "This request took too long"
    detail = "The body did not arrive in time."


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


class Overloaded(HearthError):
    """More is being read at once than this process wants to hold."""

    code = "overloaded"
    status = 503
    title = "Too much at once"
    detail = "Too much is being sent to us at once. Please try again shortly."


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
