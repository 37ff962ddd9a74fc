"""What an app, a browser and a tester do with the sandbox, as short calls."""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

import httpx

from sandbox import config

REDIRECT_URI = f"{config.DEFAULT_APP_URL}/oauth/callback"
ANA = "F443BCAEB8517F7159F44D0E8CFE725D"
BEN = "0B7E5D1CA9F24E86B3D4C81260FA97E5"
LEA = "D5A3907C6E1B4F82B0C9D4E7382F61A8"


class SandboxClient:
    """Calls with the default app's correct parameters, each of which can be overridden.

    An override of ``None`` leaves the parameter out.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def authorize(
        self, headers: Mapping[str, str] | None = None, **overrides: str | None
    ) -> httpx.Response:
        parameters = {
            "response_type": "code",
            "client_id": config.CLIENT_ID,
            "state": "our-own-state",
            "redirect_uri": REDIRECT_URI,
            "scope": "api_read",
        }
        return await self.http.get(
            "/exchange/1/oauth/authorize",
            params=_override(parameters, overrides),
            headers=headers,
        )

    async def token(self, fields: Mapping[str, str]) -> httpx.Response:
        return await self.http.post("/exchange/1/oauth/token", data=fields)

    async def exchange(self, code: str, **overrides: str | None) -> httpx.Response:
        fields = {
            "grant_type": "authorization_code",
            "client_id": config.CLIENT_ID,
            "client_secret": config.CLIENT_SECRET,
            "redirect_uri": REDIRECT_URI,
            "code": code,
        }
        return await self.token(_override(fields, overrides))

    async def refresh(self, token: str, **overrides: str | None) -> httpx.Response:
        return await self.token(
            _override({"grant_type": "refresh_token", "code": token}, overrides)
        )

    async def state(self, user_key: str = ANA) -> str:
        answer = await self.control("POST", "embedded-states", {"userKey": user_key})
        return str(answer["state"])

    async def code(self, user_key: str = ANA, **overrides: str | None) -> str:
        answer = await self.authorize(None, **{"state": await self.state(user_key), **overrides})
        return query_of(answer)["code"]

    async def signed_in(self, user_key: str = ANA) -> str:
        answer = await self.exchange(await self.code(user_key))
        return str(answer.json()["token"])

    async def log_in(self, user_key: str = ANA, **more: str) -> httpx.Response:
        answer = await self.http.post("/login", data={"userKey": user_key, **more})
        # The client does not send Secure cookies over plain HTTP, which browsers do on loopback.
        self.http.headers["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
        return answer

    async def api(self, method: str, path: str, token: str, json: object = None) -> httpx.Response:
        headers = {"Authorization": f"IBSSO {token}"}
        return await self.http.request(method, path, json=json, headers=headers)

    async def control(self, method: str, path: str, body: object = None) -> Any:
        answer = await self.http.request(method, f"/_sandbox/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def advance(self, seconds: float) -> None:
        await self.control("POST", "clock", {"advanceSeconds": seconds})

    async def order(self, **fault: object) -> None:
        await self.control("PUT", "faults", [fault])


def query_of(answer: httpx.Response) -> dict[str, str]:
    """The parameters with which a redirect leads to the app."""
    assert answer.status_code in (302, 303), answer.text
    location = httpx.URL(answer.headers["location"])
    assert str(location.copy_with(query=None)) == REDIRECT_URI
    return dict(location.params)


def frame_of(page: httpx.Response) -> httpx.URL:
    """Where the frame of a page of the web interface leads."""
    found = re.search(r'<iframe[^>]+src="([^"]+)"', page.text)
    assert found
    return httpx.URL(unescape(found[1]))


def _override(given: Mapping[str, str], overrides: Mapping[str, str | None]) -> dict[str, str]:
    merged = {**given, **overrides}
    return {name: value for name, value in merged.items() if value is not None}
