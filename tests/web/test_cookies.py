"""Our cookies, as browsers that frame us will keep them."""

import re
from http.cookies import SimpleCookie

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.security.secrets import random_token
from app.web.cookies import (
    SESSION_COOKIE,
    clear_cookie,
    flow_cookies_to_clear,
    flow_secrets,
    new_flow_name,
    our_cookies,
    set_cookie,
)

MOST_FLOWS = 8


def attributes(header: str) -> dict[str, str]:
    _, *parts = header.split("; ")
    return {name.lower(): value for name, _, value in (part.partition("=") for part in parts)}


def flows(count: int) -> dict[str, str]:
    """Cookies of so many flows, oldest first."""
    return {f"__Host-hearth-flow-{made:010x}0badcafe": f"secret-{made}" for made in range(count)}


# --- how they are set -------------------------------------------------------------------------


def test_a_cookie_is_set_with_all_that_a_frame_needs() -> None:
    assert set_cookie(SESSION_COOKIE, "hearth_s_x", max_age_seconds=60) == (
        "__Host-hearth-session=hearth_s_x; Max-Age=60; "
        "Path=/; Secure; HttpOnly; SameSite=None; Partitioned"
    )


@pytest.mark.parametrize("name", [SESSION_COOKIE, new_flow_name()], ids=["session", "flow"])
def test_every_cookie_is_bound_to_our_origin_alone(name: str) -> None:
    """`__Host-` is void without Secure and Path=/, and with a Domain."""
    assert name.startswith("__Host-hearth-")
    for header in (set_cookie(name, "v", max_age_seconds=5), clear_cookie(name)):
        found = attributes(header)
        assert found["path"] == "/"
        assert {"secure", "httponly", "partitioned"} <= found.keys()
        assert found["samesite"] == "None"
        assert "domain" not in found


def test_a_cookie_is_cleared_in_the_partition_it_was_set_in() -> None:
    """Without the same attributes a browser would remove another cookie, or none."""
    lived = attributes(set_cookie(SESSION_COOKIE, "v", max_age_seconds=60))
    cleared = attributes(clear_cookie(SESSION_COOKIE))
    assert (lived.pop("max-age"), cleared.pop("max-age")) == ("60", "0")
    assert lived == cleared
    assert clear_cookie(SESSION_COOKIE).startswith(f"{SESSION_COOKIE}=;")


def test_a_secret_of_ours_comes_back_to_the_letter() -> None:
    for _ in range(50):
        secret = random_token("hearth_s_")
        jar = SimpleCookie(set_cookie(SESSION_COOKIE, secret, max_age_seconds=60).partition(";")[0])
        assert jar[SESSION_COOKIE].value == secret


# --- how they are read ------------------------------------------------------------------------

NBSP, FORM_FEED = b"\xa0", b"\x0c"


def brought(*values: bytes) -> dict[str, str]:
    """What is read from these Cookie headers."""
    return our_cookies([(b"host", b"x"), *((b"cookie", value) for value in values)])


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (b"", {}),
        (b"__Host-hearth-a=1", {"__Host-hearth-a": "1"}),
        (b"x=0; __Host-hearth-a=1; y=2", {"__Host-hearth-a": "1"}),
        (b"__Host-hearth-a=1;__Host-hearth-b=2", {"__Host-hearth-a": "1", "__Host-hearth-b": "2"}),
        (b" \t__Host-hearth-a=1\t ", {"__Host-hearth-a": "1"}),
        (b"__Host-hearth-a=1=2", {"__Host-hearth-a": "1=2"}),
        (b'__Host-hearth-a="1"', {"__Host-hearth-a": '"1"'}),
        (b"__Host-hearth-a=\\061%31", {"__Host-hearth-a": "\\061%31"}),
        (b"__Host-hearth-a=", {"__Host-hearth-a": ""}),
    ],
)
def test_our_cookies_are_read_by_the_letter(value: bytes, read: dict[str, str]) -> None:
    assert brought(value) == read


@pytest.mark.parametrize(
    "value",
    [
        b"__host-hearth-a=1",
        b"__HOST-HEARTH-A=1",
        b"x__Host-hearth-a=1",
        b'"__Host-hearth-a"=1',
        b"=__Host-hearth-a=1",
        b"x=__Host-hearth-a",
        NBSP + b"__Host-hearth-a=1",
        b"x=1; " + NBSP + b"__Host-hearth-a=1",
        b"\xc2\xa0__Host-hearth-a=1",
        b"\x85__Host-hearth-a=1",
        b"\x0b__Host-hearth-a=1",
        b"\x1c__Host-hearth-a=1",
        FORM_FEED + b"__Host-hearth-a=1",
        b"\x1f__Host-hearth-a=1",
        b"\x00__Host-hearth-a=1",
        b"x=1, __Host-hearth-a=1",
        b"__Host%2Dhearth-a=1",
    ],
)
def test_a_cookie_that_others_could_set_is_not_ours(value: bytes) -> None:
    """Browsers guard names that begin with `__Host-`, to the letter; not what looks like them."""
    assert brought(value) == {}


@pytest.mark.parametrize(
    "values",
    [
        [b"__Host-hearth-a=1; __Host-hearth-a=2"],
        [b"__Host-hearth-a=1; __Host-hearth-a=1"],
        [b"__Host-hearth-a=1", b"__Host-hearth-a=2"],
        [b"__Host-hearth-a=1; __Host-hearth-a=2; __Host-hearth-a=3"],
        [b"__Host-hearth-a; __Host-hearth-a=2"],
    ],
)
def test_a_cookie_that_comes_twice_is_none(values: list[bytes]) -> None:
    assert brought(*values, b"__Host-hearth-b=1") == {"__Host-hearth-b": "1"}


@settings(deadline=None)
@given(values=st.lists(st.binary(max_size=40) | st.text("_Hosthear-=;1 ").map(str.encode)))
def test_whatever_a_browser_sends_only_our_names_are_read(values: list[bytes]) -> None:
    read = brought(*values, b"__Host-hearth-own=1; other=2")
    assert read["__Host-hearth-own"] == "1"
    assert all(name.startswith("__Host-hearth-") for name in read)


# --- one for each flow ------------------------------------------------------------------------


def test_flow_names_are_unlike_and_sort_by_age() -> None:
    names = [new_flow_name() for _ in range(200)]
    assert len(set(names)) == 200
    assert all(re.fullmatch(r"__Host-hearth-flow-[0-9a-f]{18}", name) for name in names)
    made = [name[:-8] for name in names]
    assert made == sorted(made)


def test_a_new_flow_sorts_behind_those_of_long_ago() -> None:
    assert new_flow_name() > max(flows(100))


@pytest.mark.parametrize("count", [0, 1, 2, 8])
def test_secrets_come_newest_first(count: int) -> None:
    assert flow_secrets(flows(count)) == [f"secret-{made}" for made in reversed(range(count))]


def test_other_cookies_are_nobodys_secret() -> None:
    others = {
        SESSION_COOKIE: "session",
        "hearth-flow-1": "no prefix",
        "__Host-hearth-flo": "short",
        "x__Host-hearth-flow-1": "not at the start",
        "__host-hearth-flow-1": "another case",
    }
    assert flow_secrets(others | flows(1)) == ["secret-0"]
    assert flow_cookies_to_clear(others) == []
    assert flow_cookies_to_clear(others, finished="session") == []


def test_a_browser_with_more_flows_than_we_gave_is_believed_up_to_a_limit() -> None:
    """Two loads at once may each add one before the other clears; a thousand are an attack."""
    secrets = flow_secrets(flows(1_000))
    assert secrets[0] == "secret-999"
    assert MOST_FLOWS <= len(secrets) <= 2 * MOST_FLOWS


@pytest.mark.parametrize(("count", "cleared"), [(0, 0), (7, 0), (8, 1), (9, 2), (20, 13)])
def test_a_new_flow_leaves_room_for_itself_by_clearing_the_oldest(count: int, cleared: int) -> None:
    cookies = flows(count)
    assert flow_cookies_to_clear(cookies) == list(cookies)[:cleared]
    assert count - cleared < MOST_FLOWS


def test_a_finished_flow_clears_its_own_cookie_alone() -> None:
    cookies = flows(12)
    (name,) = flow_cookies_to_clear(cookies, finished="secret-5")
    assert cookies[name] == "secret-5"
    assert flow_cookies_to_clear(cookies, finished="unknown") == []


@settings(deadline=None)
@given(
    cookies=st.dictionaries(
        st.text(max_size=8) | st.text(max_size=8).map("__Host-hearth-flow-".__add__),
        st.text(max_size=8),
        max_size=30,
    )
)
def test_whatever_a_browser_brings_the_newest_are_kept(cookies: dict[str, str]) -> None:
    ours = sorted(name for name in cookies if name.startswith("__Host-hearth-flow-"))
    cleared = flow_cookies_to_clear(cookies)
    assert cleared == ours[: len(cleared)]
    assert len(ours) - len(cleared) < MOST_FLOWS
    kept = [cookies[name] for name in reversed(ours[len(cleared) :])]
    assert flow_secrets(cookies)[: len(kept)] == kept
