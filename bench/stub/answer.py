"""What the stub answers: a token as the token endpoint's documentation shows it."""

import json

TOKEN_PATH = "/oauth/token"

ANSWER = json.dumps(
    {
        "token": "3d7908aa-7b8c-4c5a-94bf-5cdeef18947b",
        "tokenType": "IBSSO",
        "accountKey": "8F0792F86035A9F4290821F1EE6BC06A",
        "userKey": "F443BCAEB8517F7159F44D0E8CFE725D",
        "username": "developeruser",
        "email": "developer@infobip.com",
        "locale": "en-US",
        "roles": [
            {"id": 79, "name": " Manager 1"},
            {"id": 1393, "name": " Designer"},
            {"id": 2046, "name": "Account Manager"},
            {"id": 2051, "name": "Customer Engagement Agent"},
            {"id": 2077, "name": "Integrations Manager"},
            {"id": 2090, "name": "Analytics and Reports"},
        ],
        "groups": [
            {"id": 54004, "name": "Group1"},
            {"id": 749187, "name": "Group3"},
            {"id": 749188, "name": "Support, second line"},
            {"id": 749201, "name": "Night shift"},
        ],
    }
)
"""No `expires_in`: the life is the one that the client is configured for."""
