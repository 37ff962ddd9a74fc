"""How many flows one client may begin, as the proxies that we know name it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.infobip.pkce import challenge_of, digest_of, new_verifier
from tests.conftest import Hearth, StartHearth
from tests.support.administration import scalar

pytestmark = pytest.mark.anyio

ANN = "203.0.113.7"
BEN = "203.0.113.8"
LIMIT = 3
BEGIN = {
    "surface": "settings",
    "codeChallenge": challenge_of(digest_of(new_verifier())),
}
DOORS: dict[str, dict[str, Any]] = {
    "/context-card": {"method": "GET"},
    "/settings": {"method": "GET"},
    "/oauth/begin": {"method": "POST", "json": BEGIN},
    "/connect": {"method": "POST", "data": {"return_to": "/ui/settings"}},
}


@pytest.fixture
async def hearth(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    web = {"trusted_proxies": ("127.0.0.1", "10.0.0.0/8"), "flows_per_minute": LIMIT}
    async with start_hearth(web=web) as running:
        yield running


async def knock(hearth: Hearth, door: str, forwarded_for: str | None) -> httpx.Response:
    headers = {"x-forwarded-for": forwarded_for} if forwarded_for else {}
    return await hearth.http.request(url=hearth.url + door, headers=headers, **DOORS[door])


@pytest.mark.parametrize("door", DOORS)
async def test_one_client_begins_so_many_and_others_are_let_in(hearth: Hearth, door: str) -> None:
    answers = await asyncio.gather(*(knock(hearth, door, ANN) for _ in range(LIMIT + 4)))

    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 4
    assert await scalar(hearth, "SELECT count(*) FROM flows") == LIMIT
    for answer in refused:
        assert 1 <= int(answer.headers["retry-after"]) <= 21
        assert "too_many_flows" in answer.text
        assert "set-cookie" not in answer.headers
    assert (await knock(hearth, door, BEN)).status_code < 400


async def test_all_doors_count_together(hearth: Hearth) -> None:
    answers = [await knock(hearth, door, ANN) for door in DOORS]

    assert [answer.status_code for answer in answers[LIMIT:]] == [429]


@pytest.mark.parametrize("door", ["/context-card", "/connect"])
async def test_a_person_is_told_on_a_page_and_a_program_by_a_problem(
    hearth: Hearth, door: str
) -> None:
    for _ in range(LIMIT):
        await knock(hearth, door, ANN)

    page, problem = await knock(hearth, door, ANN), await knock(hearth, "/oauth/begin", ANN)

    assert page.headers["content-type"].startswith("text/html")
    assert "Too many sign-ins" in page.text
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["code"] == "too_many_flows"


async def test_what_a_client_itself_forwards_does_not_make_another_of_it(hearth: Hearth) -> None:
    """The proxies add what they see at the end; only what they added counts."""
    for number in range(LIMIT):
        await knock(hearth, "/context-card", f"198.51.100.{number}, {ANN}, 10.0.0.5")

    answer = await knock(hearth, "/context-card", f"198.51.100.99, {ANN}, 10.0.0.6")

    assert answer.status_code == 429


async def test_without_known_proxies_nobody_is_limited_by_what_is_everybodys(
    start_hearth: StartHearth,
) -> None:
    """All would come from the proxy's address, and one of them would shut the others out."""
    async with start_hearth(web={"flows_per_minute": LIMIT}) as hearth:
        for _ in range(LIMIT + 2):
            assert (await knock(hearth, "/context-card", ANN)).status_code == 302
