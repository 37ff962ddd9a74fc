"""Errors, as OpenAPI describes them."""

from collections.abc import Iterable
from typing import Any

from app.errors import (
    AdminKeyMissing,
    DatabaseUnavailable,
    HearthError,
    MalformedRequest,
    RequestTooLarge,
    ScopeMissing,
)
from app.web.schemas.json import Json

_MALFORMED_INPUT = 422
_OF_ALL = (AdminKeyMissing, ScopeMissing, DatabaseUnavailable)
_OF_BODIES = (MalformedRequest, RequestTooLarge)


class Problem(Json):
    """RFC 9457. `code` is stable; `title` and `detail` are sentences for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str


def admin_problems(
    *errors: type[HearthError], input_may_be_malformed: bool = False, has_body: bool = False
) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route under /admin: its own, and those that all of them have."""
    found = problems(*_OF_ALL, *(_OF_BODIES if has_body else ()), *errors)
    if input_may_be_malformed or has_body:
        lines = ["`malformed_request`: see `errors`, each with field, problem."]
        found[_MALFORMED_INPUT] = _answer(lines)
    return found


def problems(*errors: type[HearthError]) -> dict[int | str, dict[str, Any]]:
    """These error answers of a route, by their status."""
    found: dict[int | str, list[str]] = {}
    for error in errors:
        found.setdefault(error.status, []).append(f"`{error.code}`: {error.title}.")
    return {status: _answer(lines) for status, lines in sorted(found.items(), key=str)}


def _answer(lines: Iterable[str]) -> dict[str, Any]:
    schema = Problem.model_json_schema(mode="serialization")
    return {
        "description": " ".join(lines),
        "content": {"application/problem+json": {"schema": schema}},
    }
