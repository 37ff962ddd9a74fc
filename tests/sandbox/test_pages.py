"""The web-interface look-alike."""

import re

import pytest

from tests.sandbox.client import ANA, LEA, SandboxClient, frame_of, query_of

pytestmark = pytest.mark.anyio

HANA = "4E82B6D0F1934C7A8D5E21C07B9FA643"


async def test_the_card_is_framed_with_a_fresh_state_and_the_conversation(
    sandbox: SandboxClient,
) -> None:
    first, second = (
        frame_of(await sandbox.http.get("/")),
        frame_of(await sandbox.http.get("/")),
    )
    assert str(first).startswith("http://localhost:8000/context-card?state=")
    assert first.params["conversationId"] == "0f4e1c52-7b1d-4c7e-9f0a-61d2a3b4c501"
    assert first.params["state"] != second.params["state"]


async def test_another_conversation_frames_the_card_for_it(sandbox: SandboxClient) -> None:
    page = await sandbox.http.get("/?conversation=0f4e1c52-7b1d-4c7e-9f0a-61d2a3b4c502")
    assert frame_of(page).params["conversationId"] == "0f4e1c52-7b1d-4c7e-9f0a-61d2a3b4c502"
    assert "Where is my cargo bike?" in page.text


async def test_an_unknown_conversation_opens_the_first(sandbox: SandboxClient) -> None:
    page = await sandbox.http.get("/?conversation=nope")
    assert frame_of(page).params["conversationId"] == "0f4e1c52-7b1d-4c7e-9f0a-61d2a3b4c501"


async def test_a_framed_state_stands_for_the_user_who_is_logged_in(sandbox: SandboxClient) -> None:
    await sandbox.log_in(LEA)
    frame = frame_of(await sandbox.http.get("/app-settings"))
    assert frame.path == "/settings"
    code = query_of(await sandbox.authorize(state=frame.params["state"]))["code"]
    assert (await sandbox.exchange(code)).json()["userKey"] == LEA


async def test_a_first_visit_is_logged_in_as_the_first_user(sandbox: SandboxClient) -> None:
    page = await sandbox.http.get("/")
    assert f"sandbox-login={ANA}" in page.headers["set-cookie"]
    await sandbox.log_in(LEA)
    assert "set-cookie" not in (await sandbox.http.get("/")).headers


async def test_logging_out_asks_who_it_is(sandbox: SandboxClient) -> None:
    answer = await sandbox.http.post("/logout")
    assert answer.headers["location"] == "/login"
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert "Ben Ashworth" in (await sandbox.http.get("/login")).text


@pytest.mark.parametrize("path", ["/", "/app-settings", "/panel", "/login"])
async def test_every_page_is_labelled_safe_and_without_inline_code(
    sandbox: SandboxClient, path: str
) -> None:
    await sandbox.log_in(HANA)
    page = await sandbox.http.get(path)
    assert page.status_code == 200
    assert "not Infobip" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)", page.text)
    assert not re.search(r"\sstyle=|\son[a-z]+=", page.text.replace("src=x onerror=", ""))
    for asset in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        assert (await sandbox.http.get(asset)).status_code == 200


async def test_markup_in_names_and_topics_stays_text(sandbox: SandboxClient) -> None:
    await sandbox.log_in(HANA)
    page = await sandbox.http.get("/?conversation=0f4e1c52-7b1d-4c7e-9f0a-61d2a3b4c512")
    assert "山田 花子 &lt;b&gt;" in page.text
    assert "&lt;i&gt;Zoë&lt;/i&gt;" in page.text
    assert "<script>alert" not in page.text


async def test_a_reply_appears_in_the_conversation(sandbox: SandboxClient) -> None:
    await sandbox.log_in()
    path = "/conversations/0f4e1c52-7b1d-4c7e-9f0a-61d2a3b4c501"
    answer = await sandbox.http.post(f"{path}/reply", data={"text": "Come at five"})
    assert answer.status_code == 303
    assert "Come at five" in (await sandbox.http.get(f"{path}/thread")).text
    assert (await sandbox.http.post(f"{path}/reply", data={"text": " "})).status_code == 400
