"""A token goes to Infobip's hosts, to those the operator listed, and nowhere else."""

import re
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.infobip.hosts import allowed_api_url

INFOBIP_HOST = re.compile(r"([a-z0-9_-]+\.)*api\.infobip\.com")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.infobip.com",
        "https://3vzg6v.api.infobip.com",
        "https://3VZG6V.API.INFOBIP.COM",
        "https://3vzg6v.api.infobip.com:443",
        "https://api.infobip.com/",
    ],
)
def test_the_shared_and_the_personal_hosts_are_allowed(url: str) -> None:
    assert allowed_api_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.infobip.com",
        "ftp://api.infobip.com",
        "//api.infobip.com",
        "api.infobip.com",
        "",
        "https://",
        "https:api.infobip.com",
        "https:///api.infobip.com",
        # other hosts that look alike
        "https://infobip.com",
        "https://oneapi.infobip.com",
        "https://portal.infobip.com",
        "https://evilapi.infobip.com",
        "https://api.infobip.com.evil.example",
        "https://api.infobip.com-evil.example",
        "https://api-infobip.com",
        "https://evil.example/api.infobip.com",
        "https://evil.example#.api.infobip.com",
        "https://evil.example?.api.infobip.com",
        "https://evil.example/.api.infobip.com",
        "https://api。infobip。com",
        # somebody else is asked, or might be
        "https://api.infobip.com@evil.example",
        "https://api.infobip.com:pass@evil.example",
        "https://user@api.infobip.com",
        "https://user:pass@api.infobip.com",
        "https://api.infobip.com:8443",
        "https://api.infobip.com:80",
        "https://api.infobip.com?x=1",
        "https://api.infobip.com#x",
    ],
)
def test_every_other_address_is_refused(url: str) -> None:
    assert not allowed_api_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example\\.api.infobip.com",
        "https://evil.example%2f.api.infobip.com",
        "https://evil.example%5c.api.infobip.com",
        "https://evil.example%00.api.infobip.com",
        "https://evil example.api.infobip.com",
        "https://evil.example\n.api.infobip.com",
        "https://evil.example\t/.api.infobip.com",
        "https://evil.example;.api.infobip.com",
        "https://evil.example,.api.infobip.com",
        "https://.api.infobip.com",
        "https://@api.infobip.com",
        "https://:pass@api.infobip.com",
    ],
)
def test_a_host_that_two_programs_may_read_differently_is_refused(url: str) -> None:
    """Browsers and the HTTP client's URL parser take `\\` for `/`, so the first is evil.example."""
    assert not allowed_api_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.infobip.com:99999",
        "https://api.infobip.com:https",
        "https://api.infobip.com:-1",
        "https://[api.infobip.com",
        "https://[api.infobip.com]",
        "https://evil.example\uff0f.api.infobip.com",
    ],
)
def test_an_address_that_is_none_is_refused_and_not_an_error(url: str) -> None:
    assert not allowed_api_url(url)


# --- further hosts ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "further", "allowed"),
    [
        ("http://127.0.0.1:9000", ["127.0.0.1:9000"], True),
        ("https://127.0.0.1:9000", ["127.0.0.1:9000"], True),
        ("http://sandbox", ["sandbox"], True),
        ("http://sandbox:9000", ["sandbox"], False),
        ("http://sandbox", ["sandbox:9000"], False),
        ("http://sandbox:9001", ["sandbox:9000"], False),
        ("ftp://sandbox", ["sandbox"], False),
        ("http://user@sandbox", ["sandbox"], False),
        ("http://user@sandbox", ["user@sandbox"], False),
        ("http://sandbox?x=1", ["sandbox"], False),
        ("http://x.sandbox", ["sandbox"], False),
        ("http://sandbox.evil.example", ["sandbox"], False),
        ("http://evil.example", [""], False),
        ("http://", [""], False),
        ("http://api.infobip.com", ["sandbox"], False),
        ("https://api.infobip.com", ["sandbox"], True),
    ],
)
def test_the_operators_own_hosts_are_compared_exactly(
    url: str, further: list[str], allowed: bool
) -> None:
    assert allowed_api_url(url, further) is allowed


# --- anything at all --------------------------------------------------------------------------

hostile = settings(deadline=None, max_examples=100)
pieces = st.sampled_from(
    [
        *["https://", "http://", "api.infobip.com", ".api.infobip.com", "evil.example", "x", "."],
        *["@", ":", "/", "\\", "?", "#", "%2f", "%5c", "\t", "\n", " ", ";", "[", "]", "443", "。"],
    ]
)
urls = st.lists(pieces, max_size=8).map("".join) | st.lists(pieces, max_size=6).map(
    lambda parts: "https://" + "".join(parts) + ".api.infobip.com"
)


@hostile
@given(url=urls | st.text())
@example(url="https://evil.example\\.api.infobip.com")
@example(url="https://api.infobip.com:99999")
@example(url="https://[.api.infobip.com")
def test_whatever_is_allowed_leads_to_infobip(url: str) -> None:
    if not allowed_api_url(url):
        return
    asked = httpx.URL(url)
    assert asked.scheme == "https"
    assert INFOBIP_HOST.fullmatch(asked.host)
    assert asked.port in (None, 443)
    assert not asked.userinfo


@hostile
@given(url=urls, further=st.lists(st.sampled_from(["sandbox", "sandbox:9000", "", "x", "@x"])))
def test_further_hosts_open_no_other_doors(url: str, further: list[str]) -> None:
    if allowed_api_url(url, further) and not allowed_api_url(url):
        assert urlsplit(url).netloc in further
