"""Nothing passes but what the operator listed, and credentials never."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.errors import ConfigurationError
from app.errors.requests import MalformedRequest
from app.gateway.paths import read_path
from app.gateway.policy import Policy, Rule


def allows(rules: list[str], method: str, path: str) -> bool:
    return Policy.parse(rules).allows(method, read_path(path.encode()))


@pytest.mark.parametrize(
    ("rule", "method", "path", "allowed"),
    [
        ("POST /sms/2/text/advanced", "POST", "/sms/2/text/advanced", True),
        ("POST /sms/2/text/advanced", "GET", "/sms/2/text/advanced", False),
        ("POST /sms/2/text/advanced", "post", "/sms/2/text/advanced", False),
        ("POST /sms/2/text/advanced", "POST", "/sms/2/text", False),
        ("POST /sms/2/text/advanced", "POST", "/sms/2/text/advanced/more", False),
        ("POST /sms/2/text/advanced", "POST", "/sms/2/text/Advanced", False),
        ("POST /sms/2/text/advanced", "POST", "/sms/2/text/advanced%20", False),
        # one segment, any
        ("GET /ccaas/1/conversations/*", "GET", "/ccaas/1/conversations/c-1", True),
        ("GET /ccaas/1/conversations/*", "GET", "/ccaas/1/conversations/a%20b", True),
        ("GET /ccaas/1/conversations/*", "GET", "/ccaas/1/conversations", False),
        ("GET /ccaas/1/conversations/*", "GET", "/ccaas/1/conversations/c-1/messages", False),
        ("GET /ccaas/*/conversations", "GET", "/ccaas/1/conversations", True),
        ("GET /ccaas/*/conversations", "GET", "/ccaas/1/2/conversations", False),
        ("GET /*", "GET", "/people", True),
        ("GET /*", "GET", "/people/2", False),
        ("GET /a*", "GET", "/ab", False),
        # any rest, of one segment or more
        ("GET /people/2/**", "GET", "/people/2/persons", True),
        ("GET /people/2/**", "GET", "/people/2/persons/7/notes", True),
        ("GET /people/2/**", "GET", "/people/2", False),
        ("GET /people/2/**", "GET", "/people/3/persons", False),
        ("GET /people/2/**", "GET", "/people", False),
        ("GET /*/2/**", "GET", "/people/2/persons", True),
        ("GET /**", "GET", "/anything/at/all", True),
        ("GET /**", "POST", "/anything/at/all", False),
    ],
)
def test_a_rule_allows_its_method_and_path(
    rule: str, method: str, path: str, allowed: bool
) -> None:
    assert allows([rule], method, path) is allowed


def test_without_rules_nothing_passes() -> None:
    assert not Policy.parse([]).allows("GET", ("account", "1", "balance"))


def test_one_rule_that_allows_is_enough() -> None:
    rules = ["POST /sms/2/**", "GET /account/1/balance"]
    assert allows(rules, "GET", "/account/1/balance")
    assert allows(rules, "POST", "/sms/2/text/advanced")
    assert not allows(rules, "POST", "/account/1/balance")


def test_a_caller_cannot_bring_a_wildcard_of_its_own() -> None:
    rules = ["GET /people/2/persons"]
    assert not allows(rules, "GET", "/people/2/*")
    assert not allows(rules, "GET", "/people/**")
    assert not allows(rules, "GET", "/**")
    assert not allows(rules, "*", "/people/2/persons")


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "GET",
        "/sms",
        "GET sms",
        "GET/sms",
        "get /sms",
        "* /sms",
        "GET,POST /sms",
        "GET /sms/2 /sms/3",
        " GET /sms",
        "GET https://api.infobip.com/sms",
        "GET /",
        "GET //sms",
        "GET /sms/",
        "GET /sms//2",
        "GET /**/persons",
        "GET /**/**",
    ],
)
def test_an_entry_that_is_no_rule_is_refused_by_name(entry: str) -> None:
    with pytest.raises(ConfigurationError, match="GATEWAY_ALLOW") as caught:
        Policy.parse(["GET /people/2/**", entry])
    assert repr(entry) in caught.value.detail


@pytest.mark.parametrize(
    "path",
    [
        "/api/amg/exchange/1/apps/7/oauth",
        "/exchange/1/oauth/token",
        "/exchange/1/oauth/authorize",
        "/auth/1/oauth2/token",
        "/exchange/1/OAuth/token",
        "/exchange/1/OAUTH2/token",
        "/exchange/1/%6fauth/token",
        "/%4F%41%55%54%48",
        "/oauth",
        # dressed up, in case somebody behind us undresses it
        "/exchange/1/oauth%20/token",
        "/exchange/1/oauth./token",
        "/exchange/1/-o.auth_2/token",
        "/exchange/1/oauth%E2%80%8B/token",
        "/exchange/1/%EF%BD%8F%EF%BD%81%EF%BD%95%EF%BD%94%EF%BD%88/token",
        "/exchange/1/oauth%C2%B2/token",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_resources_that_hand_out_credentials_never_pass(method: str, path: str) -> None:
    segments = read_path(path.encode())
    patterns = ["**", "/".join("*" for _ in segments), path[1:]]
    patterns += ["/".join(segments)] if " " not in "".join(segments) else []
    rules = [f"{method} /{pattern}" for pattern in patterns]
    assert not allows(rules, method, path)


# --- anything at all --------------------------------------------------------------------------

hostile = settings(deadline=None, max_examples=100)
methods = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"])
segments = st.text(min_size=1, max_size=4) | st.sampled_from(["*", "**", "sms", "2"])
paths = st.lists(segments, min_size=1, max_size=6).map(tuple)
rule_segments = st.sampled_from(["*", "sms", "2", "oauth", "a"])
rules = st.builds(
    lambda method, parts, rest: f"{method} /" + "/".join([*parts, *rest]),
    methods,
    st.lists(rule_segments, min_size=1, max_size=4),
    st.sampled_from([[], ["**"]]),
)
trimmings = st.text(" .-_~!$'()*+,:@\u200b\u00ad\ufeff\u2060", max_size=2)


def dressed(letter: str) -> st.SearchStrategy[str]:
    """A letter or digit in any case and width, with marks around it that mean nothing."""
    wide = chr(ord(letter) + 0xFEE0)
    letters = st.sampled_from([letter, letter.upper(), wide, wide.upper()])
    return st.tuples(trimmings, letters, trimmings).map("".join)


oauth_words = st.sampled_from(["oauth", "oauth2"]).flatmap(
    lambda word: st.tuples(*map(dressed, word)).map("".join)
)


@hostile
@given(
    policy=st.lists(rules, max_size=5),
    method=methods,
    before=st.lists(segments, max_size=4),
    word=oauth_words,
    after=st.lists(segments, max_size=4),
)
def test_no_rules_ever_let_an_oauth_segment_pass(
    policy: list[str], method: str, before: list[str], word: str, after: list[str]
) -> None:
    path = (*before, word, *after)
    everything = [f"{each} /**" for each in ("GET", "POST", "PUT", "PATCH", "DELETE")]
    rules = Policy.parse([*policy, *everything]).rules
    assert not Policy((*rules, Rule(method, path))).allows(method, path)


@hostile
@given(policy=st.lists(rules, max_size=4), more=st.lists(rules), method=methods, path=paths)
def test_a_further_rule_takes_nothing_away(
    policy: list[str], more: list[str], method: str, path: tuple[str, ...]
) -> None:
    if Policy.parse(policy).allows(method, path):
        assert Policy.parse(policy + more).allows(method, path)
        assert Policy.parse(more + policy).allows(method, path)


def plainly_matches(pattern: list[str], path: list[str]) -> bool:
    """The meaning of a rule, written as slowly and plainly as possible."""
    if pattern == ["**"]:
        return len(path) >= 1
    if not pattern or not path:
        return not pattern and not path
    return pattern[0] in ("*", path[0]) and plainly_matches(pattern[1:], path[1:])


@hostile
@given(
    rule=rules,
    method=methods,
    path=st.lists(st.sampled_from(["sms", "2", "a", "*", "**", "b"]), min_size=1, max_size=6),
)
@example(rule="GET /sms/**", method="GET", path=["sms"])
def test_a_rule_means_what_it_plainly_says(rule: str, method: str, path: list[str]) -> None:
    rule_method, _, pattern = rule.partition(" /")
    meant = method == rule_method and plainly_matches(pattern.split("/"), path)
    assert Policy.parse([rule]).allows(method, tuple(path)) is meant


@hostile
@given(entry=st.text() | st.text("GET /*a\n\t", max_size=12))
def test_no_entry_raises_anything_but_a_configuration_error(entry: str) -> None:
    try:
        policy = Policy.parse([entry])
    except ConfigurationError:
        return
    (rule,) = policy.rules
    assert rule.method.isupper()
    assert all(rule.pattern)


@hostile
@given(raw=st.binary())
def test_a_path_that_cannot_be_read_reaches_no_rule(raw: bytes) -> None:
    try:
        path = read_path(raw)
    except MalformedRequest:
        return
    plain = [unicodedata.normalize("NFKC", segment).casefold() for segment in path]
    assert Policy.parse(["GET /**"]).allows("GET", path) or any(
        set("oauth") <= set(segment) for segment in plain
    )
