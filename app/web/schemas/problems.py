"""Errors, as OpenAPI describes them: one schema for all, and an example of each."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.errors import DatabaseUnavailable, HearthError
from app.errors.administration import AdminKeyMissing, ScopeMissing
from app.errors.calls import ConnectionLost
from app.errors.pages import NotSignedIn, RequestForged, SettingsInvalid
from app.errors.requests import AddressTooLong, MalformedRequest, RequestTooLarge, RequestTooSlow
from app.web.schemas.json import Json

Answers = dict[int | str, dict[str, Any]]
"""`responses=` of a route."""

_MALFORMED_INPUT = 422
_OF_ADMINS = (AdminKeyMissing, ScopeMissing, DatabaseUnavailable)
_OF_PAGES_CALLS = (NotSignedIn, RequestForged, DatabaseUnavailable)
_OF_BODIES = (MalformedRequest, RequestTooLarge, RequestTooSlow)


class Problem(Json):
    """RFC 9457. `code` is stable; `title` and `detail` are sentences for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str


class WrongField(Json):
    """A part of the input that is not as it should be, and how it should be."""

    field: str
    problem: str


class MalformedInput(Problem):
    """Input that can be read and has something wrong in it: `errors` says where and what."""

    errors: list[WrongField]


class ConnectionLostProblem(Problem):
    """The connection was lost. A person makes a new one at `reconnectUrl`, where one can."""

    reconnect_url: str | None


class WrongPart(Json):
    """A part of a document that is not as it has to be, by its JSON Pointer (RFC 6901)."""

    pointer: str
    problem: str


class SettingsInvalidProblem(Problem):
    """Settings that do not fit their schema: `errors` says where and why."""

    errors: list[WrongPart]


SCHEMAS = (Problem, MalformedInput, ConnectionLostProblem, SettingsInvalidProblem)
"""What `$ref`s in here point to; the document brings them along."""

_OWN_SCHEMAS: Mapping[type[HearthError], type[Problem]] = {
    ConnectionLost: ConnectionLostProblem,
    SettingsInvalid: SettingsInvalidProblem,
}
_OWN_FIELDS: Mapping[type[HearthError], Mapping[str, Any]] = {
    ConnectionLost: {"reconnectUrl": "https://hearth.example/connect"},
    SettingsInvalid: {"errors": [{"pointer": "/senderName", "problem": "has to be a text"}]},
}
"""Of errors that say more than others."""


def admin_problems(
    *errors: type[HearthError], input_may_be_malformed: bool = False, has_body: bool = False
) -> Answers:
    """The error answers of a route under /admin: its own, and those that all of them have."""
    return _with_input(_OF_ADMINS, errors, input_may_be_malformed, has_body)


def session_problems(
    *errors: type[HearthError], input_may_be_malformed: bool = False, has_body: bool = False
) -> Answers:
    """The error answers of a route under /api for who is signed in."""
    return _with_input(_OF_PAGES_CALLS, errors, input_may_be_malformed, has_body)


def body_problems(*errors: type[HearthError]) -> Answers:
    """The error answers of a route with a body for which nobody has to be known."""
    return _with_input((RequestForged, DatabaseUnavailable), errors, True, True)


def problems(*errors: type[HearthError]) -> Answers:
    """These error answers of a route, by their status."""
    return {
        status: _answer(found, "application/problem+json") for status, found in _by_status(errors)
    }


def page_problems(*errors: type[HearthError]) -> Answers:
    """The same of a page: what a person gets to see. Pages are also told from other things."""
    found = _by_status((MalformedRequest, RequestForged, AddressTooLong, *errors))
    return {
        status: {
            "description": _in_words(those),
            "content": {"text/html": {"schema": {"type": "string"}}},
        }
        for status, those in found
    }


def _with_input(
    common: Iterable[type[HearthError]],
    errors: Iterable[type[HearthError]],
    input_may_be_malformed: bool,
    has_body: bool,
) -> Answers:
    found = problems(*common, *(_OF_BODIES if has_body else ()), *errors)
    if input_may_be_malformed or has_body:
        found[_MALFORMED_INPUT] = _MALFORMED_ANSWER
    return found


def _by_status(errors: Iterable[type[HearthError]]) -> list[tuple[int, list[type[HearthError]]]]:
    found: dict[int, list[type[HearthError]]] = {}
    for error in dict.fromkeys(errors):
        found.setdefault(error.status, []).append(error)
    return sorted(found.items())


def _answer(errors: list[type[HearthError]], media_type: str) -> dict[str, Any]:
    schemas = dict.fromkeys(_OWN_SCHEMAS.get(error, Problem) for error in errors)
    refs = [{"$ref": f"#/components/schemas/{schema.__name__}"} for schema in schemas]
    examples = {
        error.code: {"summary": f"{error.title}.", "value": example_of(error)} for error in errors
    }
    schema = refs[0] if len(refs) == 1 else {"anyOf": refs}
    return {
        "description": _in_words(errors),
        "content": {media_type: {"schema": schema, "examples": examples}},
    }


def example_of(error: type[HearthError]) -> Mapping[str, Any]:
    """What the answer to this error looks like."""
    return {
        "type": f"urn:hearth:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        **_OWN_FIELDS.get(error, {}),
    }


def _in_words(errors: Iterable[type[HearthError]]) -> str:
    return " ".join(f"`{error.code}`: {error.title}." for error in errors)


_MALFORMED_ANSWER = {
    "description": "`malformed_request`: Malformed input. See `errors`, each with field, problem.",
    "content": {
        "application/problem+json": {
            "schema": {"$ref": "#/components/schemas/MalformedInput"},
            "example": {
                "type": "urn:hearth:problem:malformed_request",
                "title": "Malformed input",
                "status": _MALFORMED_INPUT,
                "detail": "See errors.",
                "code": "malformed_request",
                "errors": [
                    {
                        "field": "query.limit",
                        "problem": "Input should be greater than or equal to 1",
                    }
                ],
            },
        }
    },
}
