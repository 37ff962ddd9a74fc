"""What /openapi.json says: every operation in full, in the operator's order, under stable names."""

import asyncio
from collections.abc import Collection
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.main import create_app
from app.web.openapi.document import operations
from app.web.openapi.tags import TAGS
from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, admin
from tests.support.settings import make_settings
from tests.support.vendor import Vendor

pytestmark = pytest.mark.anyio

ADMIN: dict[str, list[str]] = {"adminKey": []}
SESSION: list[dict[str, list[str]]] = [{"sessionToken": []}, {"sessionCookie": [], "ourPage": []}]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return without_a_database().openapi()


def without_a_database() -> FastAPI:
    settings = make_settings(
        database_url="postgresql://nowhere/x", sandbox_url="http://x", public_url="http://localhost"
    )
    return create_app(settings)


def each(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_operation_says_what_it_is_for(document: dict[str, Any]) -> None:
    for path, method, operation in each(document):
        assert operation["summary"], (method, path)
        assert operation["description"], (method, path)
        assert not operation["description"].endswith("Response"), (method, path)


def test_operations_have_names_of_their_own_that_stay(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(document)]

    assert len(set(names)) == len(names)
    assert all(name.isalnum() and name[0].islower() for name in names)
    assert {
        "listConnections",
        "readConnection",
        "addApiKey",
        "changeConnection",
        "readAuthorization",
        "renewToken",
        "endConnection",
        "createLink",
        "listLinks",
        "checkApp",
        "listAudit",
    } <= set(names)


def test_groups_stand_in_the_order_of_an_operators_work(document: dict[str, Any]) -> None:
    described = [tag["name"] for tag in document["tags"]]
    used = {tag for operation in operations(document) for tag in operation["tags"]}

    assert described == list(TAGS)
    assert described[:2] == ["activation links", "connections"]
    assert used <= set(described), "describe the group in app/web/openapi/tags.py"


def test_errors_are_problems_everywhere_but_on_pages(document: dict[str, Any]) -> None:
    for path, method, operation in each(document):
        pages = operation["tags"][0] in ("pages", "activation")
        wanted = "text/html" if pages else "application/problem+json"
        for status, answer in operation["responses"].items():
            if status != "default" and int(status) >= 400:
                assert set(answer["content"]) == {wanted}, (method, path, status)


def test_administration_needs_a_key_and_says_what_it_refuses(document: dict[str, Any]) -> None:
    for path, method, operation in each(document):
        if path.startswith("/admin"):
            assert operation["security"] == [ADMIN], (method, path)
            assert {"401", "403", "503"} <= set(operation["responses"]), (method, path)
            if "requestBody" in operation and "infobip" not in path:
                assert {"400", "413", "422"} <= set(operation["responses"]), (method, path)


def test_calls_of_pages_need_a_session(document: dict[str, Any]) -> None:
    for path, method, operation in each(document):
        if path.startswith("/api/") and (path, method) != ("/api/session", "post"):
            assert operation["security"] == SESSION, (method, path)
            assert {"401", "403", "503"} <= set(operation["responses"]), (method, path)


def test_the_gateways_plain_routes_are_described(document: dict[str, Any]) -> None:
    for path in ("/api/infobip/{path}", "/admin/connections/{connection_id}/infobip/{path}"):
        assert set(document["paths"][path]) == {"get", "post", "put", "patch", "delete"}
        for operation in document["paths"][path].values():
            refusals = operation["responses"]["409"]["content"]["application/problem+json"]
            assert refusals["schema"] == {"$ref": "#/components/schemas/ConnectionLostProblem"}


def test_all_that_is_referred_to_is_there(document: dict[str, Any]) -> None:
    def references(part: object) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [ref for value in part.values() for ref in references(value)]
        if isinstance(part, list):
            return [ref for value in part for ref in references(value)]
        return []

    schemas = document["components"]["schemas"]
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas
    assert "HTTPValidationError" not in schemas


async def test_nobody_waits_while_it_is_written() -> None:
    """Which takes as long as hundreds of other answers, and renewals would wait as well."""
    answered: list[str] = []
    app = httpx.ASGITransport(without_a_database())

    async def ask(path: str) -> None:
        (await http.get(path)).raise_for_status()
        answered.append(path)

    async with (
        httpx.AsyncClient(transport=app, base_url="http://localhost") as http,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(ask("/openapi.json"))
        group.create_task(ask("/healthz"))

    assert answered == ["/healthz", "/openapi.json"]


async def test_the_examples_of_bodies_work_when_they_are_sent(
    start_hearth: StartHearth, vendor: Vendor, document: dict[str, Any]
) -> None:
    async with start_hearth(web={"admin_keys": ADMIN_KEYS}) as hearth:
        made = await send(hearth, document, "addApiKey", "/connections", leaving_out={"checked"})
        sent = await send(hearth, document, "createLink", "/activation-links")
        path = f"/connections/{made[0]['id']}"
        changed = await send(hearth, document, "changeConnection", path)

    assert len(made) == 1
    assert len(sent) == 3
    assert [item["externalId"] for item in changed] == ["customer-42", None]


async def send(
    hearth: Hearth,
    document: dict[str, Any],
    name: str,
    path: str,
    *,
    leaving_out: Collection[str] = (),
) -> list[dict[str, Any]]:
    (method, operation) = next(
        (method, operation)
        for _, method, operation in each(document)
        if operation["operationId"] == name
    )
    examples = operation["requestBody"]["content"]["application/json"]["examples"]
    answers = [
        await admin(hearth, method.upper(), path, json=example["value"])
        for key, example in examples.items()
        if key not in leaving_out
    ]
    assert {answer.status_code for answer in answers} <= {200, 201}, [a.text for a in answers]
    return [answer.json() for answer in answers]


async def test_allow_names_all_methods_of_an_address(start_hearth: StartHearth) -> None:
    async with start_hearth(web={"admin_keys": ADMIN_KEYS}) as hearth:
        id_ = "00000000-0000-4000-8000-000000000000"
        for path, allowed in (
            ("/connections", "GET, POST"),
            (f"/connections/{id_}", "DELETE, GET, PATCH"),
            ("/activation-links", "GET, POST"),
        ):
            answer = await admin(hearth, "PUT", path)

            assert (answer.status_code, answer.headers["allow"]) == (405, allowed), path
            assert answer.json()["code"] == "method_not_allowed"
