"""The OpenAPI document: what FastAPI knows of the routes, and what it cannot know."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel
from pydantic.json_schema import models_json_schema

from app.web.openapi.examples import EXAMPLES
from app.web.openapi.gateway import gateway_paths
from app.web.openapi.tags import described_tags
from app.web.openapi.words import DESCRIPTION, SUMMARY
from app.web.own_files import own_file
from app.web.schemas.problems import SCHEMAS

Document = dict[str, Any]

_FRAMEWORKS_OWN = ("HTTPValidationError", "ValidationError")
_SESSION: list[dict[str, list[str]]] = [{"sessionToken": []}, {"sessionCookie": [], "ourPage": []}]
"""Either a token, or a cookie together with our header."""
_DONE = {"200": "As asked for.", "201": "Made.", "202": "It will be done.", "204": "Done."}
"""What FastAPI calls a Successful Response."""


def operation_id(route: APIRoute) -> str:
    """The function's name, which therefore has to stay: generated clients call it so."""
    return to_camel(route.name)


def install_document(app: FastAPI) -> None:
    """Make it what `/openapi.json` answers. It is written once, when it is first asked for, and in
    a thread: that takes a fifth of a second, in which tokens have to be renewed."""
    writing = asyncio.Lock()
    written: bytes | None = None

    def document() -> Document:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    async def answer(request: Request) -> Response:
        nonlocal written
        async with writing:
            if written is None:
                written = await asyncio.to_thread(lambda: msgspec.json.encode(document()))
        return own_file(request, written, media_type="application/json")

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way
    app.add_route("/openapi.json", answer, include_in_schema=False)


def _document(app: FastAPI) -> Document:
    document: Document = get_openapi(
        title=app.title,
        version=app.version,
        summary=SUMMARY,
        description=DESCRIPTION,
        routes=app.routes,
        tags=described_tags(),
        license_info={"name": "Apache 2.0", "identifier": "Apache-2.0"},
    )
    document["paths"] = _in_order(document["paths"] | gateway_paths())
    for operation in operations(document):
        _correct(operation)
    components = document["components"]
    components["schemas"] = _schemas(components["schemas"])
    components["securitySchemes"]["ourPage"] = {
        "type": "apiKey",
        "in": "header",
        "name": "X-Hearth",
        "description": "`1`, which shows that a page of ours makes the call.",
    }
    return document


def operations(document: Document) -> Iterator[Document]:
    """Every operation of a document."""
    for methods in document["paths"].values():
        yield from methods.values()


def _correct(operation: Document) -> None:
    operation["description"] = _unwrapped(operation.get("description", ""))
    for status, answer in operation["responses"].items():
        if answer["description"] == "Successful Response":
            answer["description"] = _DONE.get(status, "Done.")
    if (examples := EXAMPLES.get(operation["operationId"])) is not None:
        operation["requestBody"]["content"]["application/json"]["examples"] = examples
    if any("sessionToken" in way for way in operation.get("security", ())):
        operation["security"] = _SESSION


def _unwrapped(text: str) -> str:
    """Docstrings are wrapped for the editor; Markdown would keep their lines apart."""
    return re.sub(r"(?<!\n)\n(?!\n|[-*|\d])", " ", text)


def _schemas(found: Document) -> Document:
    _, problems = models_json_schema(
        [(schema, "serialization") for schema in SCHEMAS],
        ref_template="#/components/schemas/{model}",
    )
    kept = {name: schema for name, schema in found.items() if name not in _FRAMEWORKS_OWN}
    return dict(sorted((kept | problems["$defs"]).items()))


def _in_order(paths: Document) -> Document:
    """Administration first, then what pages call, then what browsers load."""
    beginnings = ("/admin", "/api", "/oauth", "")
    return dict(
        sorted(
            paths.items(),
            key=lambda item: next(
                place for place, beginning in enumerate(beginnings) if item[0].startswith(beginning)
            ),
        )
    )
