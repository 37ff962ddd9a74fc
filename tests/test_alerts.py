"""The alert rules: everything they ask for is exported, and each says what to do."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.models.connection import LossCause
from app.settings import variable_names
from tests.support.metrics import ToldRefresher, samples

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "deploy" / "prometheus"
DOCUMENTED = (ROOT / "docs" / "metrics.md").read_text()
OF_PROMETHEUS = {"job", "instance"}

GROUPS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
TRIED: dict[str, Any] = yaml.safe_load((FOLDER / "alerts_test.yml").read_text())


def exported() -> dict[str, set[str]]:
    """The labels of everything that is exported, by its name."""
    refresher = ToldRefresher()
    refresher.now = replace(refresher.now, least_seconds_left=1.0)
    found: dict[str, set[str]] = {}
    for sample in samples(refresher.metrics()):
        found.setdefault(sample.name, set()).update(sample.labels)
    return found


def metrics_in(text: str) -> set[str]:
    return set(re.findall(r"\bhearth_\w+", text))


each_rule = pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])


@each_rule
def test_a_rule_has_what_it_needs(rule: dict[str, Any]) -> None:
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Hearth[A-Z]\w+", rule["alert"])
    assert re.fullmatch(r"\d+[sm]", rule["for"])
    assert rule["labels"]["severity"] in ("critical", "warning")
    for text in (rule["annotations"]["summary"], rule["annotations"]["description"]):
        assert text.endswith(".")


@each_rule
def test_a_rule_asks_only_for_what_is_exported(rule: dict[str, Any]) -> None:
    known = exported()
    named = metrics_in(rule["expr"])
    assert named
    assert named <= known.keys()

    labels = set[str]().union(*(known[name] for name in named))
    grouped = re.findall(r"\b(?:by|without) \(([^)]*)\)", rule["expr"])
    matched = re.findall(r"[{,]\s*(\w+)\s*[!=]", rule["expr"])
    asked = {label.strip() for group in grouped for label in group.split(",")} | {*matched}
    assert asked <= labels | OF_PROMETHEUS


@each_rule
def test_a_description_names_only_what_there_is(rule: dict[str, Any]) -> None:
    text = rule["annotations"]["description"]
    assert metrics_in(text) <= exported().keys()
    settings = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", text))
    assert settings <= variable_names()


def test_names_are_given_once() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)


def test_a_cause_that_is_left_out_is_one() -> None:
    for rule in RULES:
        for cause in re.findall(r'cause!="(\w+)"', rule["expr"]):
            assert cause in set(LossCause)


def test_every_alert_is_tried_out() -> None:
    """By `promtool test rules`, which says whether it comes; this sees that none is left out."""
    expected = [
        re.findall(r'(\w+)="(\w+)"', sample["labels"])
        for test in TRIED["tests"]
        for question in test["promql_expr_test"]
        for sample in question.get("exp_samples", [])
    ]
    tried = {(labels["alertname"], labels["severity"]) for labels in map(dict, expected)}

    assert tried == {(rule["alert"], rule["labels"]["severity"]) for rule in RULES}


def test_the_trials_know_no_other_metrics() -> None:
    known = exported()
    for test in TRIED["tests"]:
        for series in test["input_series"]:
            name, _, labels = series["series"].partition("{")
            assert name in known
            assert set(re.findall(r"(\w+)=", labels)) == known[name] | OF_PROMETHEUS


def test_the_documentation_lists_every_alert_with_its_severity() -> None:
    rows = re.findall(r"^\| `(Hearth\w+)` \| (\w+) \|", DOCUMENTED, re.M)
    assert rows == [(rule["alert"], rule["labels"]["severity"]) for rule in RULES]
