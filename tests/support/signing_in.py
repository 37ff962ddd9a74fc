"""Settings and sign-ins for a Hearth that is a process of its own."""

import httpx

from app.security.sealing import generate_key
from sandbox.config import CLIENT_ID, CLIENT_SECRET
from tests.support.user_agent import UserAgent, query_of
from tests.support.vendor import Vendor


async def environment_for(
    vendor: Vendor, *, port: int, database_url: str, life_seconds: float
) -> dict[str, str]:
    """An environment for `serve --port PORT` against this sandbox."""
    app = (await vendor.snapshot())["apps"][0]
    return {
        "PUBLIC_URL": f"http://localhost:{port}",
        "DATABASE_URL": database_url,
        "ENCRYPTION_KEYS": generate_key(),
        "GATEWAY_ALLOW": "GET /account/1/balance",
        "INFOBIP_CLIENT_ID": CLIENT_ID,
        "INFOBIP_CLIENT_SECRET": CLIENT_SECRET,
        "INFOBIP_REDIRECT_URI": app["redirectUri"],
        "INFOBIP_SCOPES": "api_read",
        "INFOBIP_OAUTH_URL": f"{vendor.url}/exchange/1/oauth",
        "INFOBIP_API_URL": vendor.url,
        "INFOBIP_API_HOSTS": vendor.url.removeprefix("http://"),
        "INFOBIP_PORTAL_URL": vendor.url,
        "INFOBIP_TOKEN_LIFETIME_SECONDS": str(life_seconds),
    }


async def sign_in_at(
    port: int, vendor: Vendor, http: httpx.AsyncClient, *, user: int = 0
) -> tuple[UserAgent, httpx.Response, list[str]]:
    """Sign in at a process; the browser, the callback's answer, every secret on the way."""
    state = await vendor.state(user=user)
    browser = UserAgent(http, hearth=f"http://localhost:{port}")
    callback = await browser.authorize(f"/context-card?conversationId=7&state={state}")
    code = query_of(callback)["code"]
    secrets = [state, code, *browser.cookies.values()]
    landing = await browser.get(f"/oauth/callback?code={code}&state={state}")
    return browser, landing, [*secrets, *browser.cookies.values()]
