"""Bodies to begin with at /docs. A test sends each of them as it stands here.

They are put into the document when it is made: FastAPI would drop what is null in them.
"""

from typing import Any

Examples = dict[str, dict[str, Any]]

_API_KEY = "33d6a1c0f5a94e0b8d1c2e7f9a4b6c8d-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"

_NEW_CONNECTION: Examples = {
    "unchecked": {
        "summary": "Kept as it is, without asking Infobip",
        "value": {
            "type": "apiKey",
            "apiKey": _API_KEY,
            "externalId": "customer-42",
            "label": "Branch in Zagreb",
            "check": False,
        },
    },
    "checked": {
        "summary": "Kept if Infobip knows it: put in a real key",
        "value": {"type": "apiKey", "apiKey": _API_KEY, "label": "Branch in Zagreb"},
    },
}
_CHANGED_CONNECTION: Examples = {
    "named": {
        "summary": "Say whose it is",
        "value": {"externalId": "customer-42", "label": "Branch in Zagreb"},
    },
    "cleared": {"summary": "Take both away again", "value": {"externalId": None, "label": None}},
}
_NEW_LINK: Examples = {
    "customer": {
        "summary": "For a customer of yours, for a day",
        "value": {"externalId": "customer-42"},
    },
    "returning": {
        "summary": "For an hour, and back to a page afterwards",
        "value": {"externalId": "customer-42", "returnTo": "/ui/settings", "expiresIn": 3600},
    },
    "anybody": {"summary": "For whoever gets it", "value": {}},
}

EXAMPLES = {
    "addApiKey": _NEW_CONNECTION,
    "changeConnection": _CHANGED_CONNECTION,
    "createLink": _NEW_LINK,
}
"""By the operation's id."""
