"""What is deployed: the locks, the image, the compose file. Read as text; no Docker is needed."""

import os
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(lock: str) -> dict[str, Version]:
    text = (ROOT / lock).read_text()
    return {name: Version(version) for name, version in re.findall(r"^(\S+)==([^ ;]+)", text, re.M)}


def compose_service(name: str) -> str:
    services = COMPOSE.partition("\nservices:\n")[2].partition("\nvolumes:\n")[0]
    found = re.search(rf"^  {name}:\n((?:    .*\n|\n)+)", services + "\n", re.M)
    assert found, f"there is no service {name}"
    return found[1]


RUNTIME = PROJECT["project"]["dependencies"]
TRACES = PROJECT["project"]["optional-dependencies"]["otel"]
GROUPS = PROJECT["dependency-groups"]
NODE = GROUPS["node"]
TOOLS = [each for name, group in GROUPS.items() if name != "node" for each in group]


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("requirements.lock", RUNTIME + TRACES + TOOLS),
        ("requirements-node.lock", NODE),
        ("requirements-runtime.lock", RUNTIME),
        ("requirements-otel.lock", RUNTIME + TRACES),
    ],
)
def test_a_lock_is_in_step_with_pyproject(lock: str, wanted: list[str]) -> None:
    locked = pins(lock)
    for requirement in map(Requirement, wanted):
        assert requirement.name in locked, f"run `./run lock`: {requirement.name} is missing"
        assert locked[requirement.name] in requirement.specifier, f"run `./run lock`: {requirement}"


def test_the_image_gets_the_versions_that_were_tested() -> None:
    runtime, traced = pins("requirements-runtime.lock"), pins("requirements-otel.lock")
    assert runtime.items() <= traced.items() <= pins("requirements.lock").items()
    assert not [name for name in runtime if name.startswith("opentelemetry-sdk")]


@pytest.mark.parametrize(
    "lock", ["requirements.lock", "requirements-runtime.lock", "requirements-otel.lock"]
)
def test_a_lock_has_hashes_and_no_addresses(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert not re.search(r"^-", text, re.M)
    for pin in re.split(r"\n(?=\S)", text):
        assert "--hash=sha256:" in pin


def test_the_image_runs_as_a_numbered_user_without_rights() -> None:
    last_stage = re.split(r"^FROM ", DOCKERFILE, flags=re.M)[-1]
    users = re.findall(r"^USER (\d+):(\d+)$", last_stage, re.M)
    assert len(users) == 1
    assert "0" not in users[0]


def test_the_image_is_pinned_stops_gracefully_and_is_watched() -> None:
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
    assert len(images) > 1
    assert all(re.search(r":\d", image) for image in images)
    assert "STOPSIGNAL SIGTERM" in DOCKERFILE
    assert "HEALTHCHECK" in DOCKERFILE
    assert "--require-hashes" in DOCKERFILE


def test_the_image_is_given_what_it_needs_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M)
    assert let_in == {name for names in copied for name in names.split()}


def test_no_secret_has_a_default() -> None:
    named = re.findall(r"^ +([A-Z_]*(?:PASSWORD|SECRET|KEY|URL)[A-Z_]*): *(.*)$", COMPOSE, re.M)
    assert {name for name, _ in named} == {"POSTGRES_PASSWORD", "ENCRYPTION_KEYS", "DATABASE_URL"}
    assert all("${" in value for _, value in named)
    for name, rest in re.findall(r"\$\{([A-Z_]+)([^}]*)\}", COMPOSE):
        if name != "WEB_PORTS":
            assert rest.startswith(":?"), f"{name} must be asked for"


@pytest.mark.parametrize("name", ["postgres", "migrate", "web", "refresher"])
def test_every_service_says_how_its_health_is_known(name: str) -> None:
    service = compose_service(name)
    assert "healthcheck:" in service
    assert ("disable: true" in service) == (name == "migrate")  # it runs once and ends


def test_there_are_two_of_what_has_to_be_there_all_the_time() -> None:
    assert re.search(r"deploy: &two\n +replicas: 2\n", compose_service("web"))
    assert "deploy: *two" in compose_service("refresher")
    assert "127.0.0.1:${WEB_PORTS:-8000-8001}:8000" in compose_service("web")


@pytest.mark.parametrize("name", ["web", "refresher"])
def test_nothing_serves_on_an_old_schema(name: str) -> None:
    assert re.search(r"depends_on: [&*]when_migrated", compose_service(name))
    assert "condition: service_completed_successfully" in COMPOSE


def test_the_compose_file_gives_no_privileges_and_opens_no_port_to_the_network() -> None:
    assert "privileged" not in COMPOSE.replace("no-new-privileges", "")
    assert COMPOSE.count("no-new-privileges:true") == 2  # for Hearth, and for Postgres
    assert COMPOSE.count("read_only: true") == 2
    ports = re.findall(r"ports:\n((?: +- .*\n)+)", COMPOSE)
    assert ports
    assert all(line.strip().startswith('- "127.0.0.1:') for line in "".join(ports).splitlines())


@pytest.mark.parametrize("script", ["run", ".ci/run"])
def test_the_scripts_can_be_run(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)


def test_the_licence_is_the_whole_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert "APPENDIX: How to apply the Apache License to your work." in text
    assert PROJECT["project"]["license"] == "Apache-2.0"
