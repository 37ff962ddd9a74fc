"""Small reads: people, balance, and the app's own credentials."""

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.api_access import Call, api_call
from sandbox.clock import rfc3339
from sandbox.problems import service_exception

_PEOPLE_SINCE = 1_735_689_600.0


def get_person(call: Call) -> Response:
    """``GET /people/2/persons?identifier=…&type=PHONE|EMAIL|ID``."""
    query = call.request.query_params
    identifier, kind = query.get("identifier", ""), query.get("type", "ID")
    if not identifier or kind not in ("PHONE", "EMAIL", "ID"):
        text = "identifier is required, type must be PHONE, EMAIL or ID"
        return service_exception(400, "BAD_REQUEST", text)
    person = call.world.conversations.person(call.account, kind, identifier)
    if person is None:
        return service_exception(404, "NOT_FOUND", "Person not found")
    return JSONResponse(
        {
            "id": person.id,
            "externalId": f"crm-{person.id}",
            "firstName": person.first_name,
            "lastName": person.last_name,
            "city": person.city,
            "country": person.country,
            "preferredLanguage": person.language,
            "tags": person.tags,
            "customAttributes": {},
            "contactInformation": {
                "phone": [{"number": person.phone}],
                "email": [{"address": person.email}],
            },
            "createdAt": rfc3339(_PEOPLE_SINCE),
            "modifiedAt": rfc3339(_PEOPLE_SINCE),
        }
    )


def get_balance(call: Call) -> Response:
    """``GET /account/1/balance``."""
    account = call.account
    return JSONResponse({"balance": account.balance, "currency": account.currency})


def get_app_credentials(call: Call) -> Response:
    """``GET /api/amg/exchange/1/apps/{appId}/oauth``, the protected resource of the portal."""
    app = call.world.directory.app(call.request.path_params["app_id"])
    if app is None:
        return service_exception(404, "NOT_FOUND", "App not found")
    body = {
        "clientId": app.client_id,
        "clientSecret": app.client_secret,
        "appId": app.app_id,
        "redirectUri": app.redirect_uri,
        "signingSecret": app.signing_secret,
    }
    return JSONResponse({name: value for name, value in body.items() if value is not None})


routes = [
    Route("/people/2/persons", api_call(get_person), methods=["GET"]),
    Route("/account/1/balance", api_call(get_balance), methods=["GET"]),
    Route(
        "/api/amg/exchange/1/apps/{app_id}/oauth", api_call(get_app_credentials), methods=["GET"]
    ),
]
