"""Our settings against the app shell: what fits, what does not, and what is said of it."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.connections.app_comparison import AppReport, OurApp, compare, nothing_compared
from app.infobip.app_credentials import AppCredentials
from app.models.identifiers import ConnectionId

ASKED_WITH = ConnectionId(UUID(int=7))
OURS = OurApp(
    app_id="6f1b7a52-0c3e-4d8a-9b1f-2e7c5a904d13",
    client_id="5d41c9e07ab84f3c92e6d1a0b7f8354e",
    client_secrets=("our-client-secret",),
    redirect_uri="https://app.example/oauth/callback",
    signing_secrets=("our-signing-secret",),
)
THEIRS = AppCredentials(
    app_id=OURS.app_id,
    client_id=OURS.client_id,
    client_secret=OURS.client_secrets[0],
    redirect_uri=OURS.redirect_uri,
    signing_secret=OURS.signing_secrets[0],
)


def report(ours: OurApp = OURS, theirs: AppCredentials = THEIRS) -> AppReport:
    return compare(ours, theirs, checked_with=ASKED_WITH)


NAMES = ("INFOBIP_CLIENT_SECRET", "INFOBIP_SIGNING_SECRET")


def listed(secret: str | None) -> tuple[str, ...]:
    return () if secret is None else (secret,)


def matches(report: AppReport) -> tuple[bool | None, ...]:
    return (
        report.client_id.matches,
        report.redirect_uri.matches,
        report.client_secret.matches,
        report.signing_secret.matches,
    )


def test_where_all_fits_there_is_nothing_to_say() -> None:
    fits = report()

    assert (fits.ok, fits.findings, matches(fits)) == (True, (), (True,) * 4)
    assert (fits.app_id, fits.checked_with) == (OURS.app_id, ASKED_WITH)


def test_a_public_app_without_secrets_on_either_side_fits() -> None:
    public = report(
        replace(OURS, client_secrets=(), signing_secrets=()),
        replace(THEIRS, client_secret=None, signing_secret=None),
    )

    assert (public.ok, public.findings) == (True, ())
    assert matches(public) == (True, True, True, None)
    assert not public.client_secret.configured


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/oauth/callback/",
        "https://APP.example/oauth/callback",
        "http://app.example/oauth/callback",
        "https://app.example:443/oauth/callback",
        "https://app.example/oauth/callback?x",
    ],
)
def test_a_redirect_url_has_to_be_the_same_to_the_letter(uri: str) -> None:
    wrong = report(theirs=replace(THEIRS, redirect_uri=uri))

    assert (wrong.ok, matches(wrong)) == (False, (True, False, True, True))
    (said,) = wrong.findings
    assert f"to {OURS.redirect_uri}," in said
    assert f"is {uri}:" in said
    assert "INFOBIP_REDIRECT_URI" in said


def test_another_client_id_is_named() -> None:
    wrong = report(theirs=replace(THEIRS, client_id="f" * 32))

    assert (wrong.ok, matches(wrong)) == (False, (False, True, True, True))
    (said,) = wrong.findings
    assert str(OURS.client_id) in said
    assert "f" * 32 in said


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ("one", "another", "INFOBIP_CLIENT_SECRET is not the app shell's client secret"),
        ("one", "one ", "INFOBIP_CLIENT_SECRET is not the app shell's client secret"),
        ("one", "ONE", "INFOBIP_CLIENT_SECRET is not the app shell's client secret"),
        ("one", None, "INFOBIP_CLIENT_SECRET is set, and the app shell has no client secret"),
        (None, "another", "INFOBIP_CLIENT_SECRET is not set, and the app shell has a client"),
    ],
)
def test_a_wrong_client_secret_is_said_without_showing_either(
    ours: str | None, theirs: str | None, said: str
) -> None:
    wrong = report(
        replace(OURS, client_secrets=listed(ours)), replace(THEIRS, client_secret=theirs)
    )

    assert (wrong.ok, matches(wrong)) == (False, (True, True, False, True))
    assert wrong.client_secret.configured is (ours is not None)
    assert len(wrong.findings) == 1
    assert wrong.findings[0].startswith(said)


def test_while_a_secret_is_changed_either_of_two_fits_and_both_are_mentioned() -> None:
    theirs = replace(THEIRS, client_secret="theirs", signing_secret="theirs")
    for number, secrets in enumerate((("theirs", "other"), ("other", "theirs")), start=1):
        changing = report(replace(OURS, client_secrets=secrets, signing_secrets=secrets), theirs)

        assert (changing.ok, matches(changing)) == (True, (True,) * 4)
        for name, said in zip(NAMES, changing.findings, strict=True):
            assert said.startswith(f"{name} lists 2 secrets, and number {number} is the app shell")

    others = ("one", "other")
    neither = report(replace(OURS, client_secrets=others, signing_secrets=others))
    assert (neither.ok, matches(neither)) == (False, (True, True, False, False))
    for name, said in zip(NAMES, neither.findings, strict=True):
        assert said.startswith(f"None of {name} is")


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ("another", "INFOBIP_SIGNING_SECRET is not the app shell's signing secret"),
        (None, "INFOBIP_SIGNING_SECRET is set, and the app shell has no signing secret"),
    ],
)
def test_a_wrong_signing_secret_is_said(theirs: str | None, said: str) -> None:
    wrong = report(theirs=replace(THEIRS, signing_secret=theirs))

    assert (wrong.ok, matches(wrong)) == (False, (True, True, True, False))
    assert wrong.findings[0].startswith(said)


def test_a_signing_secret_that_we_do_not_use_is_mentioned_and_no_fault() -> None:
    unused = report(replace(OURS, signing_secrets=()))

    assert (unused.ok, matches(unused)) == (True, (True, True, True, None))
    assert unused.findings[0].startswith("INFOBIP_SIGNING_SECRET is not set")


@pytest.mark.parametrize("missing", ["client_id", "redirect_uri"])
def test_what_infobip_does_not_say_is_left_open(missing: str) -> None:
    theirs = (
        replace(THEIRS, client_id=None)
        if missing == "client_id"
        else replace(THEIRS, redirect_uri=None)
    )
    half = report(theirs=theirs)

    assert half.ok is None
    assert getattr(half, missing).matches is None
    assert "compare it by eye" in half.findings[0]


def test_what_is_wrong_outweighs_what_is_left_open() -> None:
    assert report(theirs=replace(THEIRS, client_id=None, redirect_uri="https://x")).ok is False


def test_an_answer_for_another_app_is_wrong_and_the_case_of_an_id_is_not() -> None:
    assert report(replace(OURS, app_id=str(OURS.app_id).upper())).ok is True
    assert report(theirs=replace(THEIRS, app_id=None)).ok is True

    other = report(theirs=replace(THEIRS, app_id="other"))

    assert other.ok is False
    assert "INFOBIP_APP_ID" in other.findings[0]


def test_where_nothing_was_compared_ours_is_shown_all_the_same() -> None:
    nothing = nothing_compared(OURS, "Because.")

    assert (nothing.ok, nothing.checked_with, nothing.findings) == (None, None, ("Because.",))
    assert matches(nothing) == (None,) * 4
    assert nothing.redirect_uri.ours == OURS.redirect_uri
    assert nothing.client_secret.configured


secrets = st.none() | st.text("abcdef+/=é", min_size=8, max_size=12)


@given(ours=st.tuples(secrets, secrets), theirs=st.tuples(secrets, secrets))
def test_no_secret_is_in_any_report(
    ours: tuple[str | None, str | None], theirs: tuple[str | None, str | None]
) -> None:
    made = report(
        replace(OURS, client_secrets=listed(ours[0]), signing_secrets=listed(ours[1])),
        replace(THEIRS, client_secret=theirs[0], signing_secret=theirs[1]),
    )

    assert not [secret for secret in (*ours, *theirs) if secret and secret in repr(made)]
