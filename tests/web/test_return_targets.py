"""Where activation may lead back to: a corpus of open redirects, and what is meant to work."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.errors.sign_in import ReturnTargetRefused
from app.web.return_targets import ReturnTargets

ALLOWED = ("https://app.example/after", "https://other.example:8443/", "http://localhost:3000/x/")
TARGETS = ReturnTargets(ALLOWED)

GOOD = [
    "/",
    "/ui/settings",
    "/ui/settings?x=1&y=https://evil.example/",
    "/a/b?next=//evil.example#part",
    "/a@b",
    "https://app.example/after",
    "https://app.example/after/",
    "https://app.example/after/here?x=1#y",
    "https://APP.example/after/here",
    "https://app.example:443/after/",
    "https://other.example:8443/",
    "https://other.example:8443/deep/er",
    "https://other.example:8443",
    "http://localhost:3000/x/y",
]

EVIL = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/%5cevil.example",
    "/%2f%2fevil.example",
    "/%2Fevil.example",
    "/./evil",
    "/../evil",
    "/a/../../evil",
    "/a/%2e%2e/evil",
    "/a/.%2E/",
    "/a//evil.example",
    "/\tevil",
    "/\n/evil.example",
    "/%0d%0aSet-Cookie:x=y",
    "/a\r\nLocation: https://evil.example",
    " /a",
    "/a b",
    "\x00/a",
    "/\u2028evil",
    "/\u3002evil",
    "a",
    "a/b",
    "./a",
    "?x",
    "#x",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://app.example/x",
    "http:evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "https://evil.example",
    "https://evil.example/https://app.example/after",
    "https://evil.example?https://app.example/after",
    "https://evil.example#https://app.example/after",
    "https://app.example",
    "https://app.example/",
    "https://app.example/afterwards",
    "https://app.example/after.evil.example",
    "https://app.example/after/../../evil",
    "https://app.example/after/%2e%2e/evil",
    "https://app.example/after/%2E./evil",
    "https://app.example/after/..%2fevil",
    "https://app.example/after/..%5cevil",
    "https://app.example/after\\..\\evil",
    "https://app.example/after//evil",
    "https://app.example/AFTER/x",
    "http://app.example/after/x",
    "https://app.example:444/after/x",
    "https://app.example./after/x",
    "https://app.example@evil.example/after",
    "https://app.example:pw@evil.example/after",
    "https://user@app.example/after/",
    "https://app.example%40evil.example/after",
    "https://app.example%2eevil.example/after",
    "https://app.example.evil.example/after",
    "https://evilapp.example/after",
    "https://app.example\\@evil.example/after",
    "https://app.example\\.evil.example/after",
    "https://app.example;evil.example/after",
    "https://[::1]/after",
    "https://\u0430pp.example/after/",
    "https://app\u3002example/after/",
    "https://app.example\u2044evil/after/",
    "https://other.example/",
    "https://other.example:8443@evil.example/",
    "//app.example/after/x",
    "/" + "a" * 3_000,
]


@pytest.mark.parametrize("target", GOOD)
def test_what_is_ours_or_allowed_passes_unchanged(target: str) -> None:
    assert TARGETS.judge(target) == target


@pytest.mark.parametrize("target", EVIL)
def test_what_could_lead_elsewhere_is_refused(target: str) -> None:
    with pytest.raises(ReturnTargetRefused):
        TARGETS.judge(target)


def test_without_a_list_only_our_own_site_is_left() -> None:
    assert ReturnTargets(()).judge("/x") == "/x"
    with pytest.raises(ReturnTargetRefused):
        ReturnTargets(()).judge("https://app.example/after")


@pytest.mark.parametrize("target", [None, ""])
def test_none_is_none(target: str | None) -> None:
    assert TARGETS.judge(target) is None


PIECES = st.sampled_from(
    ["/", "\\", "//", "..", ".", "%2f", "%5c", "%2e", "@", ":", "?", "#", "evil.example", "a", "\t"]
)


@given(st.lists(PIECES, max_size=12).map("".join))
@example("https://app.example/after")
def test_what_passes_stays_on_our_site_however_it_is_resolved(target: str) -> None:
    """Judged by another reader of addresses than the one that let it pass."""
    try:
        passed = TARGETS.judge(target)
    except ReturnTargetRefused:
        return
    if passed is None:
        return
    parts = urlsplit(urljoin("https://hearth.example/oauth/callback", passed))
    assert parts.scheme in ("http", "https")
    assert parts.netloc in ("hearth.example", "app.example", "other.example:8443", "localhost:3000")
    assert "\\" not in passed
