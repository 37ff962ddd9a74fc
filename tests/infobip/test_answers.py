"""What the token endpoint says, and what we make of it when it says something else."""

import json
import math
import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.infobip.answers import (
    Answer,
    Identity,
    Named,
    Token,
    error_code,
    read_identity,
    read_token,
    refusal,
)
from app.infobip.errors import (
    ClientRefused,
    GrantRefused,
    InfobipError,
    PassingTrouble,
    Refused,
    ServerTrouble,
    Throttled,
    Unintelligible,
)

LIFE_SECONDS = 60.0
LONGEST_LIFE_SECONDS = 86_400.0

DOCUMENTED = {
    "token": "3d7908aa-7b8c-4c5a-94bf-5cdeef18947b",
    "tokenType": "IBSSO",
    "accountKey": "8F0792F86035A9F4290821F1EE6BC06A",
    "userKey": "F443BCAEB8517F7159F44D0E8CFE725D",
    "username": "developeruser",
    "email": "developer@infobip.com",
    "locale": "en-US",
    "roles": [{"id": 79, "name": " Manager 1"}, {"id": 1393, "name": " Designer"}],
    "groups": [{"id": 54004, "name": "Group1"}, {"id": 749187, "name": "Group3"}],
}


def answer(body: Any, status: int = 200, retry_after: str | None = None) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, retry_after, raw)


def token_of(body: Any, status: int = 200) -> Token:
    return read_token(answer(body, status), default_life_seconds=LIFE_SECONDS)


def changed(**fields: Any) -> dict[str, Any]:
    return {**DOCUMENTED, **fields}


def lacking(*names: str) -> dict[str, Any]:
    return {name: value for name, value in DOCUMENTED.items() if name not in names}


# --- the documented answer --------------------------------------------------------------------


def test_the_documented_answer_gives_the_header_value_and_the_configured_life() -> None:
    token = token_of(DOCUMENTED)
    assert token.authorization == "IBSSO 3d7908aa-7b8c-4c5a-94bf-5cdeef18947b"
    assert token.life_seconds == LIFE_SECONDS


def test_the_documented_answer_tells_who_it_is() -> None:
    assert read_identity(answer(DOCUMENTED)) == Identity(
        account_key="8F0792F86035A9F4290821F1EE6BC06A",
        user_key="F443BCAEB8517F7159F44D0E8CFE725D",
        username="developeruser",
        email="developer@infobip.com",
        locale="en-US",
        roles=(Named(79, " Manager 1"), Named(1393, " Designer")),
        groups=(Named(54004, "Group1"), Named(749187, "Group3")),
    )


def test_neither_token_nor_body_shows_in_a_repr() -> None:
    token = token_of(DOCUMENTED)
    assert "3d7908aa" not in repr(token)
    assert "3d7908aa" not in repr(answer(DOCUMENTED))


@pytest.mark.parametrize(
    ("body", "authorization"),
    [
        ({"token": "t"}, "IBSSO t"),
        ({"token": "t", "tokenType": None}, "IBSSO t"),
        ({"token": "t", "tokenType": ""}, "IBSSO t"),
        ({"token": "t", "tokenType": "Bearer"}, "Bearer t"),
        ({"token": "t", "token_type": "Bearer"}, "Bearer t"),
        ({"token": "t", "tokenType": "IBSSO", "token_type": "Bearer"}, "IBSSO t"),
        ({"access_token": "a"}, "IBSSO a"),
        ({"token": None, "access_token": "a"}, "IBSSO a"),
        ({"token": "t", "access_token": "a"}, "IBSSO t"),
        ({"token": "a/b+c=="}, "IBSSO a/b+c=="),
    ],
)
def test_other_names_for_the_same_are_understood(body: Any, authorization: str) -> None:
    assert token_of(body).authorization == authorization


@pytest.mark.parametrize(
    ("expires_in", "life"),
    [
        (None, LIFE_SECONDS),
        (59, 59.0),
        (59.5, 59.5),
        ("59", 59.0),
        ("soon", LIFE_SECONDS),
        ("", LIFE_SECONDS),
        (0, LIFE_SECONDS),
        (-5, LIFE_SECONDS),
        ("-5", LIFE_SECONDS),
        ("nan", LIFE_SECONDS),
        ("inf", LIFE_SECONDS),
        ("1e999", LIFE_SECONDS),
        (10**15, LONGEST_LIFE_SECONDS),
        ("86401", LONGEST_LIFE_SECONDS),
    ],
)
def test_a_life_is_believed_within_reason_and_never_for_ever(expires_in: Any, life: float) -> None:
    assert token_of({"token": "t", "expires_in": expires_in}).life_seconds == life


@pytest.mark.parametrize(
    "token", ["a b", "a\r\nx: y", "a\x00", "é", "\u2028", "a\t", "\x7f", "x" * 4097, " ", "😀"]
)
def test_a_token_that_fits_no_header_is_none(token: str) -> None:
    with pytest.raises(Unintelligible):
        token_of({"token": token})


@pytest.mark.parametrize("scheme", ["IB SSO", "IBSSO\n", "IBSSO:", "é", "x" * 65, "a,b", '"q"'])
def test_a_scheme_that_fits_no_header_is_none(scheme: str) -> None:
    with pytest.raises(Unintelligible):
        token_of({"token": "t", "tokenType": scheme})


# --- who it is --------------------------------------------------------------------------------


def test_roles_and_groups_are_optional() -> None:
    identity = read_identity(answer(lacking("roles", "groups")))
    assert (identity.roles, identity.groups) == ((), ())


@pytest.mark.parametrize("missing", ["accountKey", "userKey"])
@pytest.mark.parametrize("instead", [None, "", 7, [], "\x00"])
def test_without_account_or_user_there_is_no_identity(missing: str, instead: Any) -> None:
    with pytest.raises(Unintelligible):
        read_identity(answer(changed(**{missing: instead})))
    with pytest.raises(Unintelligible):
        read_identity(answer(lacking(missing)))


@pytest.mark.parametrize("missing", ["username", "email", "locale"])
def test_what_is_only_for_show_may_be_missing(missing: str) -> None:
    assert getattr(read_identity(answer(lacking(missing))), missing) is None
    assert getattr(read_identity(answer(changed(**{missing: 7}))), missing) is None


@pytest.mark.parametrize(
    ("roles", "read"),
    [
        (None, ()),
        ("admin", ()),
        ({"id": 1, "name": "a"}, ()),
        ([{"id": 1}, {"name": "a"}, None, 7, "a", []], ()),
        ([{"id": True, "name": "a"}, {"id": "1", "name": "a"}, {"id": 1.5, "name": "a"}], ()),
        ([{"id": 1, "name": None}, {"id": 2, "name": "b"}], (Named(2, "b"),)),
        ([{"id": 1, "name": "<b>Ω &amp; </b>  "}], (Named(1, "<b>Ω &amp; </b>  "),)),
        ([{"id": -1, "name": ""}], (Named(-1, ""),)),
    ],
)
def test_entries_that_cannot_be_read_are_left_out(roles: Any, read: tuple[Named, ...]) -> None:
    assert read_identity(answer(changed(roles=roles, groups=roles))).roles == read
    assert read_identity(answer(changed(roles=roles, groups=roles))).groups == read


def test_nul_is_dropped_because_postgres_cannot_keep_it() -> None:
    identity = read_identity(
        answer(changed(username="a\x00b", accountKey="k\x00", roles=[{"id": 1, "name": "\x00r"}]))
    )
    assert (identity.username, identity.account_key) == ("ab", "k")
    assert identity.roles == (Named(1, "r"),)


# --- refusals ---------------------------------------------------------------------------------


def service_exception(message_id: str) -> dict[str, Any]:
    exception = {"messageId": message_id, "text": "Invalid login details"}
    return {"requestError": {"serviceException": exception}}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        # the grant or token is refused: the end
        (400, {"error": "invalid_grant", "error_description": "x"}, GrantRefused),
        (401, {"error": "invalid_token"}, GrantRefused),
        (401, service_exception("UNAUTHORIZED"), GrantRefused),
        (403, service_exception("UNAUTHORIZED"), GrantRefused),
        (401, {"errorCode": "E401", "description": "x", "violations": []}, GrantRefused),
        (200, {"error": "invalid_grant"}, GrantRefused),
        (200, {"token": "", "error": "invalid_grant"}, GrantRefused),
        # the client is refused: the grant may be fine
        (401, {"error": "invalid_client"}, ClientRefused),
        (400, {"error": "unauthorized_client"}, ClientRefused),
        (400, {"error": "INVALID_CLIENT"}, ClientRefused),
        # passing trouble, whatever the body says
        (500, {"error": "invalid_grant"}, ServerTrouble),
        (503, service_exception("UNAUTHORIZED"), ServerTrouble),
        (599, b"<html>", ServerTrouble),
        (429, {"error": "invalid_grant"}, Throttled),
        # nothing that speaks of the grant
        (400, {"error": "invalid_request"}, Unintelligible),
        (400, {"error": "temporarily_unavailable"}, Unintelligible),
        (400, {"error_description": "invalid_grant"}, Unintelligible),
        (400, {"error": {"code": "invalid_grant"}}, Unintelligible),
        (400, {"error": ["invalid_grant"]}, Unintelligible),
        (400, ["invalid_grant"], Unintelligible),
        (400, "invalid_grant", Unintelligible),
        (400, b"invalid_grant", Unintelligible),
        (401, b"", Unintelligible),
        (401, b"<html><h1>401 Unauthorized</h1></html>", Unintelligible),
        (401, {}, Unintelligible),
        (401, {"requestError": "UNAUTHORIZED"}, Unintelligible),
        (401, {"requestError": {"serviceException": "UNAUTHORIZED"}}, Unintelligible),
        (404, service_exception("NOT_FOUND"), Unintelligible),
        (200, {}, Unintelligible),
        (200, b"", Unintelligible),
        (200, b"<html>", Unintelligible),
        (200, b"null", Unintelligible),
        (200, [DOCUMENTED], Unintelligible),
        (200, {"token": None}, Unintelligible),
        (200, {"token": 7}, Unintelligible),
        (200, {"token": ["t"]}, Unintelligible),
        (201, DOCUMENTED, Unintelligible),
        (202, DOCUMENTED, Unintelligible),
        (204, b"", Unintelligible),
        (302, b"", Unintelligible),
        (304, b"", Unintelligible),
    ],
)
def test_only_a_known_word_of_refusal_is_a_refusal(
    status: int, body: Any, kind: type[InfobipError]
) -> None:
    with pytest.raises(InfobipError) as caught:
        token_of(body, status)
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("7", 7.0),
        ("3600", 3600.0),
        ("999999999", 3600.0),
        ("9" * 5000, 3600.0),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1.5", None),
        ("1e3", None),
        ("²", None),
        ("\u0667", None),
        (" 7", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
def test_only_plain_seconds_of_a_retry_after_are_believed(
    retry_after: str | None, seconds: float | None
) -> None:
    error = refusal(answer(b"", 429, retry_after))
    assert isinstance(error, Throttled)
    assert error.retry_after_seconds == seconds


@pytest.mark.parametrize("text", ["a\nb", "a" * 65, "<b>", "é", "{}"])
def test_a_code_that_is_not_a_word_does_not_reach_the_log(text: str) -> None:
    assert error_code(json.dumps({"error": text}).encode()) is None


# --- anything at all --------------------------------------------------------------------------

hostile = settings(deadline=None, max_examples=100)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
field_names = st.sampled_from(
    [
        *DOCUMENTED,
        "access_token",
        "token_type",
        "expires_in",
        "error",
        "errorCode",
        "requestError",
        "serviceException",
        "messageId",
    ]
)
answers_in_json = st.dictionaries(
    field_names, json_values | st.dictionaries(field_names, json_values)
)
deep_nesting = b"[" * 5_000
deep_nesting_in_a_field = b'{"token":"t","x":' + b'{"y":' * 5_000
statuses = st.integers(100, 599)
bodies = st.binary() | answers_in_json.map(lambda body: json.dumps(body).encode())


@hostile
@given(status=statuses, body=bodies)
@example(status=200, body=deep_nesting)
@example(status=200, body=deep_nesting_in_a_field)
@example(status=400, body=deep_nesting)
@example(status=400, body=deep_nesting_in_a_field)
@example(status=200, body=b'{"token":"\\ud800"}')
@example(status=200, body=b'{"token":"\xed\xa0\x80"}')
@example(status=200, body=b'{"token":"t","expires_in":' + b"9" * 5_000 + b"}")
@example(status=200, body=b'{"token":"t","expires_in":1e999}')
def test_no_answer_whatsoever_raises_anything_but_ours(status: int, body: bytes) -> None:
    try:
        token = token_of(body, status)
    except InfobipError:
        return
    assert status == 200
    assert re.fullmatch(r"[!-~]{1,64} [!-~]{1,4096}", token.authorization)
    assert 0 < token.life_seconds <= LONGEST_LIFE_SECONDS


@hostile
@given(body=bodies)
@example(body=deep_nesting)
@example(body=b'{"accountKey":"a","userKey":"b","x":' + deep_nesting)
@example(body=b'{"accountKey":"\\ud800","userKey":"b"}')
def test_no_answer_whatsoever_gives_an_identity_that_cannot_be_stored(body: bytes) -> None:
    try:
        identity = read_identity(answer(body))
    except InfobipError:
        return
    assert identity.account_key
    assert identity.user_key
    texts = [identity.account_key, identity.user_key, identity.username or ""]
    texts += [entry.name for entry in (*identity.roles, *identity.groups)]
    for text in texts:
        assert b"\x00" not in text.encode("utf-8")


@hostile
@given(status=statuses, body=bodies, retry_after=st.none() | st.text())
@example(status=400, body=deep_nesting, retry_after=None)
def test_every_refusal_is_one_of_ours_and_says_nothing_of_the_body(
    status: int, body: bytes, retry_after: str | None
) -> None:
    error = refusal(Answer(status, retry_after, body))
    assert isinstance(error, (Refused, PassingTrouble, Unintelligible))
    if status == 429 or status >= 500:
        assert isinstance(error, PassingTrouble)
    assert re.fullmatch(r"[ -~]{1,200}", str(error))
    if isinstance(error, Throttled):
        wait = error.retry_after_seconds
        assert wait is None or (math.isfinite(wait) and 0 <= wait <= 3_600)


@hostile
@given(
    token=st.text(st.characters(exclude_categories=["Cs"])), scheme=st.none() | st.text("aZ -\n")
)
def test_a_token_is_kept_to_the_letter_or_not_at_all(token: str, scheme: str | None) -> None:
    fields = {"token": token, "tokenType": scheme}
    try:
        read = token_of(fields)
    except InfobipError:
        return
    assert read.authorization == f"{scheme or 'IBSSO'} {token}"
    assert read.authorization.encode("ascii").count(b" ") == 1
