"""The settings that an app keeps for an account, as its embedded pages read and save them."""

from fastapi import APIRouter, Request, Response

from app.errors.pages import PreconditionRequired, RoleMissing, SettingsChanged, SettingsInvalid
from app.errors.requests import MalformedRequest, NotFound, RequestTooLarge, RequestTooSlow
from app.models.account_settings import Expected, SettingsVersion
from app.models.session import Session
from app.web.dependencies import ProcessOf, SignedIn
from app.web.preconditions import expected_by, is_known
from app.web.schemas.account_settings import SettingsForm
from app.web.schemas.problems import session_problems

router = APIRouter(prefix="/api/settings", tags=["settings"])

_OBJECT = {"application/json": {"schema": {"type": "object"}}}
_BODY = {"requestBody": {"required": True, "content": _OBJECT}}


@router.get(
    "",
    summary="Read the account's settings",
    response_class=Response,
    responses={
        200: {"content": _OBJECT, "description": "The settings, with their ETag."},
        304: {"description": "As `If-None-Match` has them."},
        **session_problems(NotFound),
    },
)
async def read_settings(request: Request, session: SignedIn, process: ProcessOf) -> Response:
    """The account's settings, `{}` at first. Its ETag is what `PUT` wants as `If-Match`."""
    saved = await process.account_settings.read(_account_of(session))
    if is_known(request.headers, saved.tag):
        return Response(status_code=304, headers={"etag": f'"{saved.tag}"'})
    return _document(saved)


@router.put(
    "",
    summary="Save the account's settings",
    response_class=Response,
    openapi_extra=_BODY,
    responses={
        200: {"content": _OBJECT, "description": "What was saved, with its ETag."},
        **session_problems(
            NotFound,
            MalformedRequest,
            RequestTooSlow,
            RoleMissing,
            SettingsChanged,
            RequestTooLarge,
            SettingsInvalid,
            PreconditionRequired,
        ),
    },
)
async def save_settings(request: Request, session: SignedIn, process: ProcessOf) -> Response:
    """Replace the account's settings as a whole, for all of its users.

    `If-Match` names the version that is changed; it may be left out only where nothing was saved
    yet. The answer is what was saved, with its ETag.
    """
    account_key = _account_of(session)
    expected = expected_by(request.headers, account_key)
    try:
        saved = await process.account_settings.save(
            await request.body(),
            profile=session.connection.profile,
            account_key=account_key,
            expected=expected or Expected(versions=(0,)),
        )
    except SettingsChanged as error:
        if expected is None:
            raise PreconditionRequired(tag=error.tag) from error
        raise
    return _document(saved)


@router.get("/schema", summary="Read the settings' schema", responses=session_problems())
async def read_settings_schema(session: SignedIn, process: ProcessOf) -> SettingsForm:
    """The JSON Schema of the settings, null where there is none, and whether one may save."""
    schema = process.account_settings.schema
    return SettingsForm(
        schema_=schema.document if schema else None,
        writable=process.account_settings.may_save(session.connection.profile),
    )


def _account_of(session: Session) -> str:
    account_key = session.connection.profile.account_key
    if account_key is None:  # an API key's, which never has a session
        raise NotFound
    return account_key


def _document(saved: SettingsVersion) -> Response:
    return Response(
        saved.document, media_type="application/json", headers={"etag": f'"{saved.tag}"'}
    )
