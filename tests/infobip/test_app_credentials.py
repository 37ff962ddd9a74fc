"""What the portal says of an app, and what we make of it when it says something else."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.infobip.answers import Answer
from app.infobip.app_credentials import AppCredentials, read_app_credentials
from app.infobip.errors import (
    AppUnknown,
    InfobipError,
    Refused,
    ServerTrouble,
    Throttled,
    Unintelligible,
)

DOCUMENTED = {
    "clientId": "5d41c9e07ab84f3c92e6d1a0b7f8354e",
    "clientSecret": "YED8Q0KHeYgQxtjdUkR376Uxu0/zdvwAVZb3ZQ3GGZU=",
    "appId": "6f1b7a52-0c3e-4d8a-9b1f-2e7c5a904d13",
    "redirectUri": "https://yoursite.com/oauth/callback",
    "signingSecret": "Wm7/4yKp+Qe1ZsT9uGfLh3BxNcJ0dRvA8oViXkC2lE4=",
}


def answer(body: Any, status: int = 200) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, None, raw)


def test_the_documented_answer_is_read() -> None:
    assert read_app_credentials(answer(DOCUMENTED)) == AppCredentials(
        app_id=DOCUMENTED["appId"],
        client_id=DOCUMENTED["clientId"],
        client_secret=DOCUMENTED["clientSecret"],
        redirect_uri=DOCUMENTED["redirectUri"],
        signing_secret=DOCUMENTED["signingSecret"],
    )


def test_its_secrets_are_not_shown() -> None:
    shown = repr(read_app_credentials(answer(DOCUMENTED)))

    assert DOCUMENTED["clientId"] in shown
    assert DOCUMENTED["clientSecret"] not in shown
    assert DOCUMENTED["signingSecret"] not in shown


@pytest.mark.parametrize("missing", ["clientSecret", "appId", "signingSecret", "redirectUri"])
@pytest.mark.parametrize("value", ["nothing", None, "", 7, ["x"], {}, "a\nb", "x" * 5_000])
def test_what_is_missing_or_unreadable_is_none(missing: str, value: Any) -> None:
    body: dict[str, Any] = {**DOCUMENTED, missing: value, "further": "fields"}
    if value == "nothing":
        del body[missing]

    read = read_app_credentials(answer(body))

    values = {
        "clientSecret": read.client_secret,
        "appId": read.app_id,
        "signingSecret": read.signing_secret,
        "redirectUri": read.redirect_uri,
    }
    assert values.pop(missing) is None
    assert values == {name: DOCUMENTED[name] for name in values}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>log in</html>",
        b"[]",
        b"null",
        b'"text"',
        b"{",
        b"\xff\xfe",
        b'{"clientId": "\\ud800"}',
        b"[" * 100_000,
        b"{}",
        b'{"result": {"clientId": "5d41c9e07ab84f3c92e6d1a0b7f8354e"}}',
        b'{"clientSecret": "x", "signingSecret": "y"}',
    ],
)
def test_a_200_that_is_no_app_is_unintelligible(body: bytes) -> None:
    with pytest.raises(Unintelligible):
        read_app_credentials(answer(body))


def service_exception(code: str) -> dict[str, Any]:
    return {"requestError": {"serviceException": {"messageId": code, "text": "…"}}}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, service_exception("UNAUTHORIZED"), Refused),
        (401, b"", Refused),
        (403, {"errorCode": "E403", "description": "…"}, Refused),
        (403, b"<html>", Refused),
        (404, service_exception("NOT_FOUND"), AppUnknown),
        (404, {"errorCode": "E404"}, AppUnknown),
        (400, service_exception("NOT_FOUND"), AppUnknown),
        (404, b"<html>not this server</html>", Unintelligible),
        (404, b"", Unintelligible),
        (400, service_exception("BAD_REQUEST"), Unintelligible),
        (302, b"", Unintelligible),
        (204, b"", Unintelligible),
        (429, b"", Throttled),
        (500, service_exception("NOT_FOUND"), ServerTrouble),
        (503, b"<html>", ServerTrouble),
    ],
)
def test_each_other_answer_has_its_error(
    status: int, body: Any, expected: type[InfobipError]
) -> None:
    with pytest.raises(InfobipError) as caught:
        read_app_credentials(answer(body, status))

    assert type(caught.value) is expected


@given(st.integers(100, 599), st.binary(max_size=60))
def test_no_answer_at_all_raises_anything_else(status: int, body: bytes) -> None:
    with suppress(InfobipError):
        read_app_credentials(answer(body, status))
