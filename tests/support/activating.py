"""People who link their Infobip account: through our page, Infobip's consent, and back."""

import re
from urllib.parse import urlencode

import httpx

from tests.conftest import Hearth
from tests.support.user_agent import UserAgent
from tests.support.vendor import Vendor

_FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
_CONSENT = re.compile(r'action="/consent/([^"]+)"')


class Person:
    """Someone with a browser of their own who is logged in to Infobip as one of its users."""

    def __init__(self, browser: UserAgent, vendor: Vendor, http: httpx.AsyncClient) -> None:
        self.browser = browser
        self._vendor = vendor
        self._http = http
        self.user = 0

    async def agree(self, address: str) -> httpx.Response:
        """Open an activation's page and press its button; where that leads."""
        shown = await self.browser.get(address)
        assert shown.status_code == 200, shown.text
        return await self.submit(dict(_FIELD.findall(shown.text)))

    async def submit(self, fields: dict[str, str], **headers: str) -> httpx.Response:
        """Send the form of an activation's page."""
        form = {"content-type": "application/x-www-form-urlencoded", "origin": self.browser.hearth}
        return await self.browser.request(
            "POST", "/connect", headers=form | headers, content=urlencode(fields).encode()
        )

    async def consent(self, authorize_url: str, decision: str = "accept") -> str:
        """Decide on Infobip's consent page; where it sends the browser."""
        key = (await self._vendor.user(self.user))["userKey"]
        cookie = {"cookie": f"sandbox-login={key}"}
        page = await self._http.get(authorize_url, headers=cookie)
        found = _CONSENT.search(page.text)
        assert found, page.text
        decided = await self._http.post(
            f"{self._vendor.url}/consent/{found[1]}",
            headers=cookie,
            data={"userKey": key, "decision": decision},
        )
        return str(decided.headers["location"])

    async def reach_callback(self, address: str) -> str:
        """The address of the callback, not yet visited."""
        agreed = await self.agree(address)
        assert agreed.status_code == 303, agreed.text
        return await self.consent(agreed.headers["location"])

    async def activate(self, address: str) -> httpx.Response:
        """The whole way; the callback's answer."""
        return await self.browser.get(await self.reach_callback(address))


def person(hearth: Hearth, vendor: Vendor, *, user: int = 0) -> Person:
    """Someone whom Infobip knows as its user number `user`."""
    someone = Person(hearth.browser(), vendor, hearth.http)
    someone.user = user
    return someone
