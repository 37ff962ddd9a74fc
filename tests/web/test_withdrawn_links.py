"""Activation links that the operator takes back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.conftest import Hearth, StartHearth
from tests.support.activating import Person, person
from tests.support.administration import (
    ADMIN_KEYS,
    WRITER,
    admin,
    count_connections,
    make_link,
    scalar,
)
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio


@pytest.fixture
async def hearth(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    async with start_hearth(web={"admin_keys": ADMIN_KEYS}) as running:
        yield running


@pytest.mark.parametrize("somebody_is", ["not there yet", "at Infobip", "at the token endpoint"])
async def test_a_link_that_is_withdrawn_links_nothing_wherever_it_is(
    hearth: Hearth, vendor: Vendor, somebody_is: str
) -> None:
    link = await make_link(hearth, externalId="c")
    customer = person(hearth, vendor)

    if somebody_is == "not there yet":
        assert (await withdraw(hearth)).status_code == 204
    elif somebody_is == "at Infobip":
        callback = await customer.reach_callback(link)
        assert (await withdraw(hearth)).status_code == 204
        assert (await customer.browser.get(callback)).status_code == 400
        assert await vendor.count("tokenRequests") == 0
    else:
        answer = await withdrawn_meanwhile(hearth, vendor, customer, link)
        assert answer.status_code == 404
        assert "unknown_link" in answer.text

    shown = await customer.browser.get(link)
    assert shown.status_code == 404
    assert "unknown_link" in shown.text
    assert (await customer.submit({"link": link.partition("link=")[2]})).status_code == 404
    assert await count_connections(hearth) == 0
    assert await scalar(hearth, "SELECT count(*) FROM flows") == 0


async def test_who_withdrew_it_is_on_record(hearth: Hearth) -> None:
    await make_link(hearth, externalId="c")
    await withdraw(hearth)

    (newest, *_) = (await admin(hearth, "GET", "/audit")).json()["items"]
    assert newest["action"] == "link_withdrawn"
    assert newest["actor"] == "writer"
    assert newest["details"]["externalId"] == "c"
    assert await links(hearth) == []


async def test_what_a_link_has_linked_stays_and_so_does_the_link(
    hearth: Hearth, vendor: Vendor
) -> None:
    await person(hearth, vendor).activate(await make_link(hearth))

    answer = await withdraw(hearth)

    assert answer.status_code == 410
    assert answer.json()["code"] == "link_used"
    assert [link["status"] for link in await links(hearth)] == ["used"]
    assert await count_connections(hearth) == 1


async def test_what_is_not_there_cannot_be_withdrawn(hearth: Hearth) -> None:
    answer = await admin(hearth, "DELETE", f"/activation-links/{uuid4()}", secret=WRITER)

    assert answer.status_code == 404
    assert answer.json()["code"] == "unknown_link"


async def withdraw(hearth: Hearth) -> httpx.Response:
    """The newest link."""
    newest = (await links(hearth))[0]["id"]
    return await admin(hearth, "DELETE", f"/activation-links/{newest}", secret=WRITER)


async def withdrawn_meanwhile(
    hearth: Hearth, vendor: Vendor, customer: Person, link: str
) -> httpx.Response:
    """The callback's answer, where the link goes while Infobip is being asked for the token."""
    callback = await customer.reach_callback(link)
    await vendor.fail({"target": "exchange", "kind": "slow", "delaySeconds": 1.5})
    coming = asyncio.create_task(customer.browser.get(callback))

    async def asked() -> bool:
        return await vendor.count("tokenRequests") == 1

    await eventually(asked)
    assert (await withdraw(hearth)).status_code == 204
    return await coming


async def links(hearth: Hearth) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await admin(hearth, "GET", "/activation-links")).json()["items"]
    return items
