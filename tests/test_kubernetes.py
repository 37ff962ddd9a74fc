"""deploy/kubernetes against Kubernetes' own schemas, and what has to hold between its objects."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from app.serving import ENDS_WITHIN_SECONDS
from app.settings import variable_names

FOLDER = Path(__file__).resolve().parents[1] / "deploy" / "kubernetes"
VERSIONS = ("1.30.0", kubernetes_validate.latest_version())
"""The oldest that it is made for (`preStop.sleep`), and the newest that is known."""


def read(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def objects() -> Iterator[dict[str, Any]]:
    listed: list[str] = read("kustomization.yaml")[0]["resources"]
    assert {*listed, "kustomization.yaml", "migrate.yaml"} == {
        each.name for each in FOLDER.iterdir()
    }
    for name in (*listed, "migrate.yaml"):
        yield from read(name)


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in objects() if each["kind"] == kind}


OBJECTS = {f"{each['kind']}/{each['metadata']['name']}": each for each in objects()}
WORKLOADS = {name: each for name, each in OBJECTS.items() if "template" in each.get("spec", {})}
DEPLOYMENTS = of_kind("Deployment")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_is_what_kubernetes_expects_to_the_letter(name: str, version: str) -> None:
    kubernetes_validate.validate(OBJECTS[name], version, strict=True)


def test_a_field_that_kubernetes_does_not_know_would_be_noticed() -> None:
    wrong = {**OBJECTS["ServiceAccount/hearth"], "automountToken": False}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_there_is_no_secret_and_no_place_for_one() -> None:
    assert not of_kind("Secret")
    (config,) = of_kind("ConfigMap").values()
    assert config["data"].keys() <= variable_names()
    secrets = {name for name in variable_names() if "SECRET" in name or "KEY" in name}
    assert not config["data"].keys() & (secrets | {"DATABASE_URL"})
    for workload in WORKLOADS.values():
        (container,) = workload["spec"]["template"]["spec"]["containers"]
        assert "env" not in container
        assert {"secretRef": {"name": "hearth"}} in container["envFrom"]


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_container_runs_without_rights_and_within_bounds(name: str) -> None:
    pod = WORKLOADS[name]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert container["resources"]["limits"].keys() == {"memory"}
    assert not container["image"].endswith(":latest")
    assert ":" in container["image"]


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_replicas_come_and_go_one_at_a_time_and_have_time_to_end(name: str) -> None:
    spec = DEPLOYMENTS[name]["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    labels = spec["template"]["metadata"]["labels"]
    budget = of_kind("PodDisruptionBudget")[name]["spec"]

    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    assert budget == {"maxUnavailable": 1, "selector": {"matchLabels": labels}}
    waits = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    assert pod["terminationGracePeriodSeconds"] >= waits + ENDS_WITHIN_SECONDS
    ports = {port["name"] for port in container["ports"]}
    for probe in ("startupProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] == "/healthz"
        assert container[probe]["httpGet"]["port"] in ports
    liveness = container["livenessProbe"]
    assert liveness["periodSeconds"] * liveness["failureThreshold"] >= 60  # a token's life


def test_the_service_leads_to_the_web_replicas_alone() -> None:
    (service,) = of_kind("Service").values()
    selected = [
        name
        for name, each in DEPLOYMENTS.items()
        if service["spec"]["selector"].items()
        <= each["spec"]["template"]["metadata"]["labels"].items()
    ]
    assert selected == ["hearth-web"]


def test_every_pod_is_behind_the_network_policy_but_the_one_that_only_migrates() -> None:
    (policy,) = of_kind("NetworkPolicy").values()
    wanted = policy["spec"]["podSelector"]["matchLabels"].items()
    for name, workload in WORKLOADS.items():
        labels = workload["spec"]["template"]["metadata"]["labels"]
        assert (wanted <= labels.items()) == (name != "Job/hearth-migrate")
