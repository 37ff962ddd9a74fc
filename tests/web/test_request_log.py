"""What the log tells of a request, and the id by which it can be found again."""

from uuid import uuid4

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, admin
from tests.support.vendor import Vendor

pytestmark = pytest.mark.anyio


async def test_a_well_formed_id_of_the_caller_is_taken_and_given_back(hearth: Hearth) -> None:
    for given in ("0123456789abcdef", str(uuid4()), "Root=1-67891233.abcdef_0"[5:]):
        answer = await hearth.http.get(f"{hearth.url}/healthz", headers={"x-request-id": given})
        assert answer.headers["x-request-id"] == given


@pytest.mark.parametrize(
    "given",
    ["", "short", "x" * 65, "with a blank", 'quote"quote"', "{json: 1234}", ".starts-with-a-dot"],
)
async def test_any_other_id_is_replaced(hearth: Hearth, given: str) -> None:
    answers = [
        await hearth.http.get(f"{hearth.url}/healthz", headers={"x-request-id": given})
        for _ in range(2)
    ]
    ids = {answer.headers["x-request-id"] for answer in answers}
    assert len(ids) == 2
    assert given not in ids


async def test_two_ids_are_none(hearth: Hearth) -> None:
    headers = [("x-request-id", "first-of-two"), ("x-request-id", "second-of-two")]
    answer = await hearth.http.get(f"{hearth.url}/healthz", headers=headers)
    assert answer.headers["x-request-id"] not in ("first-of-two", "second-of-two")


async def test_a_request_is_one_event_with_its_route_and_nothing_that_it_carried(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    async with start_hearth(web={"admin_keys": ADMIN_KEYS}) as hearth:
        logged = await requests_logged(hearth, vendor)

    assert [event.pop("milliseconds") >= 0 for event in logged] == [True, True, True]
    assert logged[0]["route"] == "/api/infobip/{path:path}"
    assert (logged[1]["route"], logged[1]["status"]) == (None, 404)
    assert (logged[2]["route"], logged[2]["status"]) == ("/admin/connections/{connection_id}", 404)
    assert {*logged[0]} == {"event", "log_level", "method", "route", "status"}
    assert not [word for word in ("somebody", "nobody", "secret") if word in repr(logged)]


async def requests_logged(hearth: Hearth, vendor: Vendor) -> list[EventDict]:
    browser = hearth.browser()
    await browser.sign_in(f"/context-card?state={await vendor.state()}")
    with capture_logs() as events:
        await browser.api("GET", "/infobip/people/2/persons?email=somebody@example.test")
        await hearth.http.get(f"{hearth.url}/nobody/is/here?code=secret")
        await admin(hearth, "GET", f"/connections/{uuid4()}")
    return [event for event in events if event["event"] == "request"]
