"""docs/webhooks.md: its receiver works as it stands there, and its lists are complete."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.clock import SystemClock
from app.events.receiver import Receiver, Result
from app.events.schedule import WAITS_SECONDS
from app.infobip.transport import Transport
from app.models.event import EventType
from app.security.webhooks import generate_signing_secret, parse_signing_secret
from tests.events.test_message import LOST
from tests.support.servers import free_socket, serving

pytestmark = pytest.mark.anyio

DOCUMENTED = (Path(__file__).resolve().parents[2] / "docs" / "webhooks.md").read_text()


def code(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOCUMENTED, re.S)
    assert found
    return found[1]


async def test_the_receiver_takes_what_is_signed_for_it_once_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret, other = generate_signing_secret(), generate_signing_secret()
    monkeypatch.setenv("EVENTS_SECRET", secret)
    example: dict[str, Any] = {}
    exec(compile(code("python"), "docs/webhooks.md", "exec"), example)
    results = []
    async with serving(example["app"], free_socket()) as url, Transport() as transport:
        for key in (other, secret, secret):
            receiver = Receiver(
                url=f"{url}/hearth-events",
                keys=[parse_signing_secret(key)],
                reconnect_url="https://hearth.example/connect",
                timeout_seconds=5,
                transport=transport,
                clock=SystemClock(),
            )
            results.append((await receiver.deliver(LOST)).result)

    assert results == [Result.REFUSED, Result.DELIVERED, Result.DELIVERED]
    assert example["seen"] == {str(LOST.id)}
    said = capsys.readouterr().out.splitlines()
    assert [line for line in said if "has to connect again" in line] == [
        "customer-1 has to connect again: https://hearth.example/connect"
    ]


def test_the_example_looks_like_an_event() -> None:
    example = json.loads(code("json"))

    assert list(example) == ["id", "type", "timestamp", "sequence", "data"]
    assert example["type"] in set(EventType)
    assert list(example["data"]) == sorted(example["data"])


def test_every_type_and_every_wait_is_listed() -> None:
    table = DOCUMENTED.partition("| `type` |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `([a-z.]+)` \|", table, re.M) == list(EventType)
    waits = re.search(r"after 5 s, ([^.]*?), which is a day", DOCUMENTED.replace("\n", " "))
    assert waits
    seconds = {"s": 1, "min": 60, "h": 3_600}
    listed = [5, *(int(n) * seconds[unit] for n, unit in re.findall(r"(\d+) (s|min|h)", waits[1]))]
    assert listed == list(WAITS_SECONDS)
