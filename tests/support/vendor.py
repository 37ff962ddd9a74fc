"""The sandbox, steered through its control API as one of our users would."""

from collections import Counter
from typing import Any

import httpx


class Vendor:
    """A running sandbox."""

    def __init__(self, http: httpx.AsyncClient, *, url: str) -> None:
        self._http = http
        self.url = url

    async def reset(self) -> None:
        (await self._http.post(f"{self.url}/_sandbox/reset")).raise_for_status()

    async def state(self, *, user: int = 0) -> str:
        """A `state` as the web interface puts it into a frame's address for one of its users."""
        users = (await self.snapshot())["users"]
        answer = await self._post("/embedded-states", {"userKey": users[user]["userKey"]})
        return str(answer["state"])

    async def states_of_new_users(self, count: int) -> list[str]:
        """As many `state`s, each of a user of its own."""
        answer = await self._post("/embedded-states", {"newUsers": True, "count": count})
        return [str(state["state"]) for state in answer["states"]]

    async def snapshot(self) -> dict[str, Any]:
        answer: dict[str, Any] = (await self._http.get(f"{self.url}/_sandbox/state")).json()
        return answer

    async def user(self, number: int = 0) -> dict[str, Any]:
        user: dict[str, Any] = (await self.snapshot())["users"][number]
        return user

    async def configure(self, **changes: Any) -> None:
        answer = await self._http.patch(f"{self.url}/_sandbox/settings", json=changes)
        answer.raise_for_status()

    async def fail(self, *faults: dict[str, Any]) -> None:
        answer = await self._http.put(f"{self.url}/_sandbox/faults", json=list(faults))
        answer.raise_for_status()

    async def heal(self) -> None:
        (await self._http.delete(f"{self.url}/_sandbox/faults")).raise_for_status()

    async def advance(self, seconds: float) -> None:
        await self._post("/clock", {"advanceSeconds": seconds})

    async def change_client_secret(self, app_id: str) -> str:
        """Give an app a new secret, which is returned; the old one is refused from then on."""
        return str((await self._post(f"/apps/{app_id}/client-secret", {}))["clientSecret"])

    async def revoke_of(self, user_key: str) -> None:
        await self._post("/tokens/revoke", {"userKey": user_key})

    async def revoke(self) -> None:
        await self._post("/tokens/revoke", {"all": True})

    async def register_app(self, **app: Any) -> dict[str, Any]:
        """One more app; its credentials."""
        return await self._post("/apps", app)

    async def signed_call(self, url: str, **order: Any) -> dict[str, Any]:
        """Call an address as Infobip would; what it answered."""
        return await self._post("/signed-calls", {"url": url, **order})

    async def tokens_of_new_users(self, count: int) -> list[dict[str, str]]:
        """Live tokens, each of a user of its own: `token`, `userKey`, `accountKey`."""
        tokens: list[dict[str, str]] = []
        while len(tokens) < count:
            order = {"newUsers": True, "count": min(count - len(tokens), 10_000)}
            tokens += (await self._post("/tokens", order))["tokens"]
        return tokens

    async def begin_record(self) -> None:
        """Of renewals: see `renewals` in the snapshot."""
        (await self._http.delete(f"{self.url}/_sandbox/renewals")).raise_for_status()

    async def count(self, kind: str) -> int:
        """How often something happened: `exchanges`, `refreshes`, `tokenRequests`, …"""
        return Counter((await self.snapshot())["counters"])[kind]

    async def messages(self) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = (
            await self._http.get(f"{self.url}/_sandbox/messages")
        ).json()
        return answer

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self._http.post(f"{self.url}/_sandbox{path}", json=body)
        answer.raise_for_status()
        parsed: dict[str, Any] = answer.json()
        return parsed
