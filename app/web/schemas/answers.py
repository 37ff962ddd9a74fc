"""Answers and parameters that are no JSON, as OpenAPI describes them."""

from typing import Any

from app.web.schemas.problems import Answers

_TEXT = {"schema": {"type": "string"}}


def text_answer(media_type: str, *, status: int = 200, description: str) -> Answers:
    """An answer of this media type."""
    return {status: {"description": description, "content": {media_type: _TEXT}}}


def page_answer(description: str) -> Answers:
    """A page for a person."""
    return text_answer("text/html", description=description)


def redirect_answer(status: int, description: str) -> Answers:
    """A redirect, and where to."""
    location = {"schema": {"type": "string"}, "description": "Where to go on."}
    return {status: {"description": description, "headers": {"Location": location}}}


def query_parameters(**described: str) -> dict[str, Any]:
    """`openapi_extra=` of a route that reads its query itself, all of it optional."""
    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": description,
                "schema": {"type": "string"},
            }
            for name, description in described.items()
        ]
    }


def form_fields(**described: str) -> dict[str, Any]:
    """The same for a form."""
    properties = {
        name: {"type": "string", "description": description}
        for name, description in described.items()
    }
    schema = {"type": "object", "properties": properties}
    return {"requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": schema}}}}
