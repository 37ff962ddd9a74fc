"""What routes ask for: the process, and who is signed in."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from app.errors import NotSignedIn, RequestForged
from app.factory import Process
from app.models.session import Session
from app.settings import origin_of
from app.web.cookies import SESSION_COOKIE, our_cookies


def process_of(connection: HTTPConnection) -> Process:
    """The process that serves this request."""
    process: Process = connection.app.state.process
    return process


async def signed_in(connection: HTTPConnection) -> Session:
    """The session of a call by one of our pages. Raises RequestForged or NotSignedIn.

    The cookie travels by itself, so the call has to prove that our page made it: by a header
    that other origins cannot send without asking first, and by what browsers add themselves.
    """
    process = process_of(connection)
    headers = connection.headers
    token = our_cookies(connection.scope["headers"]).get(SESSION_COOKIE)
    if not token:
        raise NotSignedIn
    origin = headers.get("origin")
    if headers.get("x-hearth") != "1":
        raise RequestForged
    if origin is not None and origin != origin_of(process.settings.web.public_url):
        raise RequestForged
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise RequestForged
    return await process.sessions.find(token)


def _process(request: Request) -> Process:
    return process_of(request)


async def _signed_in(request: Request) -> Session:
    return await signed_in(request)


ProcessOf = Annotated[Process, Depends(_process)]
SignedIn = Annotated[Session, Depends(_signed_in)]
