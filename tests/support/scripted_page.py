"""A page that keeps the proof of its sign-in itself, where browsers keep no cookies."""

from typing import Any

import httpx

from app.infobip.pkce import challenge_of, digest_of, new_verifier
from tests.conftest import Hearth
from tests.support.user_agent import query_of


class Page:
    """A page in a browser that keeps none of our cookies."""

    def __init__(self, hearth: Hearth, *, front_end: str | None = None) -> None:
        self.hearth = hearth
        self.verifier = new_verifier()
        self.front_end = front_end

    async def post(self, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        return await self.hearth.http.post(self.hearth.url + path, json=body, headers=headers)

    async def begin(self, infobips_state: str | None, **changes: Any) -> httpx.Response:
        body = {
            "surface": "context-card",
            "params": [["conversationId", "c 1"], ["tag", "a"], ["tag", "b"]],
            "codeChallenge": challenge_of(digest_of(self.verifier)),
        }
        if infobips_state is not None:
            body["state"] = infobips_state
        if self.front_end is not None:
            body["frontEnd"] = self.front_end
        return await self.post("/oauth/begin", body | changes)

    async def authorize(self, state: str) -> str:
        """The address of the callback, not yet visited."""
        begun = await self.begin(state)
        assert begun.status_code == 200, begun.text
        authorize = await self.hearth.http.get(begun.json()["authorizeUrl"].partition("#")[0])
        return str(authorize.headers["location"])

    async def complete(self, callback: str, **changes: str) -> httpx.Response:
        query = query_of(callback)
        body = {"code": query["code"], "state": query["state"], "codeVerifier": self.verifier}
        return await self.post("/oauth/complete", body | changes)

    async def sign_in(self, state: str) -> str:
        """The bearer token of a session."""
        completed = await self.complete(await self.authorize(state))
        assert completed.status_code == 200, completed.text
        code = completed.json()["handoverCode"]
        return str((await self.post("/api/session", {"handoverCode": code})).json()["token"])
