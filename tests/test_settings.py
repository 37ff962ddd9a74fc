"""Settings: what the environment says, what is said when it says something wrong."""

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from pydantic_settings import BaseSettings

from app.errors import ConfigurationError
from app.security.sealing import generate_key
from app.setting_problems import problems
from app.settings import Settings, origin_of

EXAMPLE = Path(__file__).resolve().parents[1] / ".env.example"
KEY = base64.b64encode(bytes(range(32))).decode()
ONE_BYTE_KEY = base64.b64encode(b"k" * 32).decode()
CANARY = "canary-4f1d"

GROUPS: dict[str, type[BaseSettings]] = get_type_hints(Settings)


def names() -> Iterator[str]:
    """The environment variable of every field of every group."""
    for group in GROUPS.values():
        prefix = group.model_config.get("env_prefix", "")
        for field in group.model_fields:
            yield f"{prefix}{field}".upper()


NAMES = list(names())
SOUND = {
    "PUBLIC_URL": "https://app.example",
    "DATABASE_URL": "postgresql://hearth@db.example/hearth",
    "ENCRYPTION_KEYS": KEY,
    "INFOBIP_CLIENT_ID": "0123456789abcdef0123456789ABCDEF",
    "INFOBIP_CLIENT_SECRET": "YED8Q0KHeYgQxtjdUkR376Uxu0/zdvwAVZb3ZQ3GGZU=",
    "INFOBIP_SCOPES": "api_read conversations",
}
EVENTS = {"EVENTS_URL": "https://app.example/events?from=hearth", "EVENTS_SECRET": f"whsec_{KEY}"}

Load = Callable[..., Settings]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Load:
    """Load settings from these variables alone, in a folder without a `.env`."""
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)

    def load(**environment: str) -> Settings:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return Settings.load()

    return load


def complaint(load: Load, **environment: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(**environment)
    return caught.value.detail


# --- .env.example -----------------------------------------------------------------------------


def example_lines() -> dict[str, str]:
    """Settings of the example file, commented out or not, with their values."""
    found = re.findall(r"^#? ?([A-Z][A-Z0-9_]*)=(.*)$", EXAMPLE.read_text(), re.M)
    assert len(found) == len(dict(found)), "a setting is listed twice"
    return dict(found)


def test_every_group_is_looked_at() -> None:
    assert set(GROUPS) == {field.name for field in fields(Settings)}
    assert {"PUBLIC_URL", "DATABASE_URL", "INFOBIP_CLIENT_ID", "REFRESHER_MAX_IN_FLIGHT"} <= {
        *NAMES
    }
    assert len(set(NAMES)) == len(NAMES)


def test_the_example_lists_every_setting_and_nothing_else() -> None:
    assert set(example_lines()) == set(NAMES)


def test_the_example_can_be_used_as_it_is(load: Load, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(EXAMPLE.read_text())
    load()


def test_what_the_example_comments_out_is_the_default_or_at_least_valid(
    load: Load, tmp_path: Path
) -> None:
    defaults = load()
    lines = [f"{name}={value}" for name, value in example_lines().items()]
    (tmp_path / ".env").write_text("\n".join(lines))
    shown = load()
    for name, group in GROUPS.items():
        for field in group.model_fields:
            default = getattr(getattr(defaults, name), field)
            assert default in (None, (), getattr(getattr(shown, name), field)), field


def test_the_example_holds_no_secret() -> None:
    text = EXAMPLE.read_text()
    for name in ("INFOBIP_CLIENT_SECRET", "ENCRYPTION_KEYS", "EVENTS_SECRET"):
        assert not re.search(rf"^{name}=.", text, re.M)


# --- what is read -----------------------------------------------------------------------------


def test_nothing_set_means_the_documented_defaults(load: Load) -> None:
    settings = load()
    assert settings.web.public_url == "http://localhost:8000"
    assert settings.storage.database_url is None
    assert settings.storage.database_pooler == "none"
    assert settings.storage.data_dir == Path(".data")
    assert settings.redirect_uri == "http://localhost:8000/oauth/callback"
    assert settings.infobip.refresh_fields == "client"
    assert settings.infobip.oauth_url == "https://oneapi.infobip.com/exchange/1/oauth"
    assert settings.infobip.api_url == "https://api.infobip.com"
    assert settings.infobip.portal_url == "https://portal.infobip.com"
    assert settings.infobip.token_lifetime_seconds == 60
    assert settings.frame_ancestors == ("https://portal.infobip.com",)
    assert settings.web.gateway_allow == ()


def test_every_variable_has_its_place(load: Load) -> None:
    settings = load(
        **SOUND,
        FRAME_ANCESTORS="https://portal.example, https://portal2.example",
        GATEWAY_ALLOW="POST /sms/2/text/advanced, GET /people/2/**",
        INFOBIP_API_URL="https://3vzg6v.api.infobip.com",
        INFOBIP_TOKEN_LIFETIME_SECONDS="30",
        REFRESHER_MAX_IN_FLIGHT="7",
    )
    assert settings.web.public_url == "https://app.example"
    assert settings.redirect_uri == "https://app.example/oauth/callback"
    assert settings.frame_ancestors == ("https://portal.example", "https://portal2.example")
    assert settings.web.gateway_allow == ("POST /sms/2/text/advanced", "GET /people/2/**")
    assert settings.infobip.scopes == ("api_read", "conversations")
    assert settings.infobip.client_secret is not None
    assert settings.infobip.client_secret.get_secret_value() == SOUND["INFOBIP_CLIENT_SECRET"]
    assert [key.get_secret_value() for key in settings.storage.encryption_keys] == [KEY]
    assert settings.infobip.token_lifetime_seconds == 30
    assert settings.refresher.max_in_flight == 7


def test_a_dot_env_file_is_read_and_the_environment_wins(load: Load, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "PUBLIC_URL=https://file.example\nINFOBIP_SCOPES=from_file\nSOMEBODY_ELSES=1\n"
    )
    settings = load(PUBLIC_URL="https://environment.example")
    assert settings.web.public_url == "https://environment.example"
    assert settings.infobip.scopes == ("from_file",)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_variable_is_as_good_as_none(load: Load, name: str) -> None:
    unset = load()
    assert load(**{name: ""}) == unset


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("GET /a", ("GET /a",)),
        ("GET /a,POST /b", ("GET /a", "POST /b")),
        ("\n  GET /a\n  POST /b\n", ("GET /a", "POST /b")),
        ("GET /a,\n\n ,POST /b,", ("GET /a", "POST /b")),
        (" , ,\n", ()),
    ],
)
def test_lists_are_separated_by_commas_or_lines(
    load: Load, text: str, rules: tuple[str, ...]
) -> None:
    assert load(GATEWAY_ALLOW=text).web.gateway_allow == rules


def test_a_base_url_loses_its_trailing_slash(load: Load) -> None:
    settings = load(PUBLIC_URL="https://app.example/", INFOBIP_OAUTH_URL="https://x.example/o/")
    assert settings.redirect_uri == "https://app.example/oauth/callback"
    assert settings.infobip.oauth_url == "https://x.example/o"


def test_a_redirect_uri_is_kept_to_the_letter(load: Load) -> None:
    uri = "https://APP.example/oauth/callback/?a=1"
    assert load(INFOBIP_REDIRECT_URI=uri).redirect_uri == uri


def test_the_portal_frames_us_unless_others_are_named(load: Load) -> None:
    settings = load(INFOBIP_PORTAL_URL="https://portal.example/path")
    assert settings.frame_ancestors == ("https://portal.example",)


# --- what is wrong with one -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "app.example"),
        ("PUBLIC_URL", "//app.example"),
        ("PUBLIC_URL", "ftp://app.example"),
        ("PUBLIC_URL", "https://"),
        ("PUBLIC_URL", "https://user@app.example"),
        ("PUBLIC_URL", "https://app.example?a=1"),
        ("PUBLIC_URL", "https://app.example#a"),
        ("PUBLIC_URL", "https://[app.example"),
        ("INFOBIP_REDIRECT_URI", "/oauth/callback"),
        ("INFOBIP_REDIRECT_URI", "https://app.example/#a"),
        ("INFOBIP_REDIRECT_URI", "https://app.example/?a#b"),
        ("INFOBIP_OAUTH_URL", "oneapi.infobip.com"),
        ("INFOBIP_API_URL", "api.infobip.com"),
        ("INFOBIP_PORTAL_URL", "portal.infobip.com"),
        ("INFOBIP_CLIENT_ID", "0123456789abcdef"),
        ("INFOBIP_CLIENT_ID", "0123456789abcdef0123456789abcdeg"),
        ("INFOBIP_CLIENT_ID", "0123456789abcdef0123456789abcdef0"),
        ("INFOBIP_REFRESH_FIELDS", "all"),
        ("INFOBIP_TOKEN_LIFETIME_SECONDS", "0"),
        ("INFOBIP_TOKEN_LIFETIME_SECONDS", "-1"),
        ("INFOBIP_TOKEN_LIFETIME_SECONDS", "nan"),
        ("INFOBIP_TOKEN_LIFETIME_SECONDS", "inf"),
        ("INFOBIP_TOKEN_LIFETIME_SECONDS", "a minute"),
        ("DATABASE_POOLER", "session"),
        ("DATABASE_POOL_SIZE", "1"),
        ("FRAME_ANCESTORS", "*"),
        ("FRAME_ANCESTORS", "'self'"),
        ("FRAME_ANCESTORS", "portal.infobip.com"),
        ("FRAME_ANCESTORS", "https://portal.infobip.com/"),
        ("FRAME_ANCESTORS", "https://portal.infobip.com/path"),
        ("FRAME_ANCESTORS", "https://portal.infobip.com https://other.example"),
        ("GATEWAY_TIMEOUT_SECONDS", "0"),
        ("GATEWAY_TIMEOUT_SECONDS", "nan"),
        ("GATEWAY_MAX_BODY_BYTES", "-1"),
        ("SESSION_IDLE_SECONDS", "5"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "proxy.example"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("FLOWS_PER_MINUTE", "0"),
        ("ENCRYPTION_KEYS", "secret"),
        ("ENCRYPTION_KEYS", f"{KEY},c2hvcnQ="),
        ("REFRESHER_MAX_IN_FLIGHT", "0"),
        ("EVENTS_URL", "app.example/events"),
        ("EVENTS_URL", "https://user:password@app.example/events"),
        ("EVENTS_URL", "https://app.example/events#a"),
        ("EVENTS_SECRET", KEY),
        ("EVENTS_SECRET", f"whsec_{KEY},whsec_c2hvcnQ="),
        ("EVENTS_TIMEOUT_SECONDS", "0"),
        ("EVENTS_RETENTION_DAYS", "1"),
        ("AUDIT_RETENTION_DAYS", "29"),
    ],
)
def test_a_wrong_value_is_named_in_a_sentence(load: Load, name: str, value: str) -> None:
    said = complaint(load, **{name: value})
    assert re.fullmatch(rf"{name}: .+\.", said)


@pytest.mark.parametrize(
    "value",
    [
        "https://app.example:99999",
        "https://app.example:http",
        "https://app example",
        "https://app.example\\evil",
        "https://app.\nexample",
        "https://app.example?",
        "https://app.example/#",
    ],
)
@pytest.mark.parametrize("name", ["PUBLIC_URL", "INFOBIP_OAUTH_URL", "INFOBIP_API_URL"])
def test_a_url_that_no_client_could_use_is_refused(load: Load, name: str, value: str) -> None:
    """Found out at the first renewal, it would be too late."""
    assert complaint(load, **{name: value}).startswith(f"{name}: ")


@pytest.mark.parametrize(
    "value",
    [
        "https://",
        "ftp://portal.example",
        "https://user@portal.example",
        "https://portal.example:99999",
        "https://portal.example;script-src",
        "https://portal.example script-src",
    ],
)
def test_what_no_browser_writes_as_an_origin_frames_nobody(load: Load, value: str) -> None:
    """It stands in a header of every page, where `;` begins another directive."""
    assert complaint(load, FRAME_ANCESTORS=value).startswith("FRAME_ANCESTORS: ")


def test_everything_that_is_wrong_is_said_at_once(load: Load) -> None:
    said = complaint(load, PUBLIC_URL="x", DATABASE_POOL_SIZE="x", INFOBIP_CLIENT_ID="x")
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        "PUBLIC_URL",
        "DATABASE_POOL_SIZE",
        "INFOBIP_CLIENT_ID",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_complaint_never_shows_the_value(load: Load, name: str) -> None:
    said = ""
    try:
        load(**{name: f"\x1f{CANARY}"})
    except ConfigurationError as error:
        said = error.detail
    assert CANARY not in said
    assert not said or said.startswith(f"{name}: ")


def test_a_complaint_never_repeats_what_the_url_parser_says(load: Load) -> None:
    said = complaint(load, INFOBIP_OAUTH_URL=f"https://user:{CANARY}@app.example\uff0fx")
    assert CANARY not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", f"postgresql://hearth:{CANARY}@db.example/hearth"),
        ("INFOBIP_CLIENT_SECRET", CANARY),
        ("ENCRYPTION_KEYS", KEY),
        ("EVENTS_SECRET", f"whsec_{KEY}"),
    ],
)
def test_secrets_do_not_show_in_a_repr(load: Load, name: str, value: str) -> None:
    settings = load(**{name: value})
    for shown in (
        repr(settings),
        str(settings),
        repr(settings.storage),
        str(settings.infobip),
        repr(settings.events),
    ):
        assert CANARY not in shown
        assert KEY not in shown


def test_settings_do_not_change(load: Load) -> None:
    settings: Any = load()
    with pytest.raises(Exception, match="frozen"):
        settings.web.public_url = "https://evil.example"
    with pytest.raises(AttributeError):
        settings.web = None


# --- what does not fit together ---------------------------------------------------------------


def test_a_sound_configuration_has_no_problems(load: Load) -> None:
    assert problems(load(**SOUND)) == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"INFOBIP_CLIENT_ID": ""}, "INFOBIP_CLIENT_ID"),
        ({"INFOBIP_CLIENT_ID": "", "INFOBIP_API_KEY": "key"}, "INFOBIP_CLIENT_ID"),
        ({"INFOBIP_SCOPES": " "}, "INFOBIP_SCOPES"),
        ({"ENCRYPTION_KEYS": ""}, "ENCRYPTION_KEYS"),
        ({"INFOBIP_API_URL": "https://api.example"}, "INFOBIP_API_URL"),
        ({"INFOBIP_API_URL": "http://api.infobip.com"}, "INFOBIP_API_URL"),
        ({"PUBLIC_URL": "http://app.example"}, "PUBLIC_URL"),
        ({"INFOBIP_OAUTH_URL": "http://oneapi.infobip.com/x"}, "INFOBIP_OAUTH_URL"),
        ({"INFOBIP_PORTAL_URL": "http://portal.infobip.com"}, "INFOBIP_PORTAL_URL"),
        ({"INFOBIP_REDIRECT_URI": "http://app.example/oauth/callback"}, "INFOBIP_REDIRECT_URI"),
        ({"FRAME_ANCESTORS": "https://a.example, http://b.example"}, "FRAME_ANCESTORS"),
        ({"CORS_ORIGINS": "http://cards.example"}, "CORS_ORIGINS"),
        ({"RETURN_TO_ALLOW": "http://app.example/after/"}, "RETURN_TO_ALLOW"),
        ({"ENCRYPTION_KEYS": f"{KEY},{KEY}"}, "ENCRYPTION_KEYS lists a key twice"),
        ({"ENCRYPTION_KEYS": f"{KEY},{ONE_BYTE_KEY}"}, "ENCRYPTION_KEYS has a key that is not"),
        ({"EVENTS_URL": "https://app.example/events"}, "EVENTS_SECRET"),
        (EVENTS | {"EVENTS_URL": "http://app.example/events?a=1"}, "EVENTS_URL"),
        (EVENTS | {"EVENTS_URL": "http://localhost.evil.example/events"}, "EVENTS_URL"),
    ],
)
def test_a_problem_is_named_in_a_sentence(load: Load, changes: dict[str, str], named: str) -> None:
    (sentence,) = problems(load(**SOUND | changes))
    assert sentence.startswith(named)
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    "changes",
    [
        {"PUBLIC_URL": "http://localhost:8000"},
        {"INFOBIP_CLIENT_SECRET": ""},
        {"CORS_ORIGINS": "http://localhost:5173", "FRAME_ANCESTORS": "http://127.0.0.1:9000"},
        {"INFOBIP_CLIENT_ID": "", "INFOBIP_CLIENT_SECRET": "", "INFOBIP_API_KEY": "key"},
        {"PUBLIC_URL": "http://127.0.0.1:8000"},
        EVENTS,
        EVENTS | {"EVENTS_URL": "http://127.0.0.1:9999/events?a=1"},
        EVENTS | {"EVENTS_SECRET": f"whsec_{KEY}, whsec_{KEY}"},
        {"PUBLIC_URL": "http://[::1]:8000"},
        {"INFOBIP_OAUTH_URL": "http://localhost:9000/exchange/1/oauth"},
        {"INFOBIP_API_URL": "http://sandbox:9000", "INFOBIP_API_HOSTS": "sandbox:9000"},
        {"DATABASE_URL": "", "ENCRYPTION_KEYS": ""},
    ],
)
def test_what_serves_on_one_machine_is_no_problem(load: Load, changes: dict[str, str]) -> None:
    assert problems(load(**SOUND | changes)) == []


def test_random_keys_are_taken_for_random(load: Load) -> None:
    keys = ",".join(generate_key() for _ in range(500))
    assert problems(load(**SOUND | {"ENCRYPTION_KEYS": keys})) == []


@pytest.mark.parametrize("host", ["localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0"])
def test_what_only_looks_like_this_machine_is_a_problem(load: Load, host: str) -> None:
    (sentence,) = problems(load(**SOUND | {"PUBLIC_URL": f"http://{host}:8000"}))
    assert sentence.startswith("PUBLIC_URL")


def test_no_problem_shows_a_secret(load: Load) -> None:
    said = "\n".join(problems(load(INFOBIP_CLIENT_SECRET=CANARY, DATABASE_URL=CANARY)))
    assert said
    assert CANARY not in said


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://portal.infobip.com", "https://portal.infobip.com"),
        ("https://portal.infobip.com/a/b", "https://portal.infobip.com"),
        ("https://Portal.Infobip.com:443/", "https://portal.infobip.com"),
        ("http://portal.example:80", "http://portal.example"),
        ("http://portal.example:443", "http://portal.example:443"),
        ("http://localhost:9000/x", "http://localhost:9000"),
    ],
)
def test_the_origin_of_a_url_is_what_browsers_write(url: str, origin: str) -> None:
    assert origin_of(url) == origin


def test_what_is_no_base_url_has_no_origin() -> None:
    with pytest.raises(ValueError, match="base URL"):
        origin_of("https://portal.infobip.com/a?b#c")
