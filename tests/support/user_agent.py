"""A browser as far as cookies and redirects go, for tests that look at every single answer."""

from collections.abc import Mapping
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

import httpx


class UserAgent:
    """Keeps Hearth's cookies as a browser would, also Secure ones on http://localhost."""

    def __init__(self, http: httpx.AsyncClient, *, hearth: str) -> None:
        self.http = http
        self.hearth = hearth
        self.cookies: dict[str, str] = {}

    async def get(self, url: str, **headers: str) -> httpx.Response:
        """One GET of a path of Hearth's or of a whole URL; redirects are not followed."""
        return await self.request(
            "GET", url, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        json: Mapping[str, object] | None = None,
    ) -> httpx.Response:
        ours = url.startswith(("/", self.hearth))
        sent = dict(headers or {})
        if ours and self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        target = self.hearth + url if url.startswith("/") else url
        response = await self.http.request(method, target, headers=sent, content=content, json=json)
        if ours:
            self._keep(response)
        return response

    async def api(
        self, method: str, path: str, *, content: bytes | None = None, **headers: str
    ) -> httpx.Response:
        """A call as our own page makes it."""
        own = {"x-hearth": "1", "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.request(method, f"/api{path}", headers=own | given, content=content)

    async def authorize(self, entry_path: str) -> str:
        """Load an entry and let Authorize answer; the callback's URL, not yet visited."""
        entry = await self.get(entry_path)
        assert entry.status_code == 302, entry.text
        authorize = await self.http.get(entry.headers["location"])
        assert authorize.status_code == 302, authorize.text
        return str(authorize.headers["location"])

    async def sign_in(self, entry_path: str) -> httpx.Response:
        """The whole way from the entry to the landing's redirect."""
        return await self.get(await self.authorize(entry_path))

    def _keep(self, response: httpx.Response) -> None:
        for header in response.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(header.replace("; Partitioned", "")).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value


def query_of(url: str) -> dict[str, str]:
    """The query parameters of a URL, each of which must be there once."""
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}
