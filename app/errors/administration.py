"""What an operator is told."""

from app.errors import HearthError


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
