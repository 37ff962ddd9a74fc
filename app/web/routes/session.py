"""The session, as embedded pages see it."""

from fastapi import APIRouter, Response

from app.embed.sessions import BEARER_PREFIX
from app.errors.pages import HandoverUnknown, NotSignedIn
from app.models.session import Session
from app.web.cookies import SESSION_COOKIE, clear_cookie
from app.web.dependencies import ProcessOf, SignedIn
from app.web.schemas.problems import body_problems, session_problems
from app.web.schemas.session import SessionDetails, TakenUp, TakeUp

router = APIRouter(prefix="/api", tags=["session"])


@router.post(
    "/session",
    status_code=201,
    summary="Take up a session without cookies",
    responses=body_problems(HandoverUnknown, NotSignedIn),
)
async def take_up_session(body: TakeUp, process: ProcessOf) -> TakenUp:
    """Trade a hand-over code, good once and for a minute, for a session of the page's own."""
    token = await process.sessions.take_up(body.handover_code)
    session = await process.sessions.find(token, prefix=BEARER_PREFIX)
    return TakenUp(token=token, expires_at=session.expires_at, session=_details(session, process))


@router.get("/session", summary="Who is signed in", responses=session_problems())
async def read_session(session: SignedIn, process: ProcessOf) -> SessionDetails:
    """Who is signed in. With the cookie it needs the header `X-Hearth: 1`."""
    return _details(session, process)


@router.delete(
    "/session",
    status_code=204,
    response_class=Response,
    summary="Sign out",
    responses=session_problems(),
)
async def end_session(session: SignedIn, process: ProcessOf) -> Response:
    """Sign out: the session ends here and now, and its cookie goes if it had one."""
    await process.sessions.end(session.id)
    return Response(status_code=204, headers={"set-cookie": clear_cookie(SESSION_COOKIE)})


def _details(session: Session, process: ProcessOf) -> SessionDetails:
    public_url = process.settings.web.public_url
    return SessionDetails.of(session, tokens=process.tokens, public_url=public_url)
