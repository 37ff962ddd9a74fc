"""How a refresher's numbers become metrics, and that the documentation knows all of them."""

import re
import tomllib
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from app.infobip.errors import AppUnknown, InfobipError
from app.metrics import RENEWAL_ERRORS, VERSION, exposition, process_metrics
from app.models.connection import LossCause
from app.models.identifiers import SHARD_COUNT
from tests.support.metrics import LIFE, REPLICA, ToldRefresher, samples, value

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTED = (ROOT / "docs" / "metrics.md").read_text()


def test_every_number_of_the_moment_has_its_metric() -> None:
    refresher = ToldRefresher()
    refresher.now = replace(
        refresher.now,
        live=11,
        shards=12,
        replicas=13,
        in_flight=14,
        waiting=15,
        unwritten=16,
        database_away_seconds=17.5,
        least_seconds_left=18.5,
        rate_ceiling=19.5,
        capacity=20,
    )
    metrics = refresher.metrics()

    assert value(metrics, "hearth_live_connections", replica=str(REPLICA)) == 11
    assert value(metrics, "hearth_shards_held") == 12
    assert value(metrics, "hearth_replicas") == 13
    assert value(metrics, "hearth_renewals_in_flight") == 14
    assert value(metrics, "hearth_renewals_waiting") == 15
    assert value(metrics, "hearth_unwritten_changes") == 16
    assert value(metrics, "hearth_database_away_seconds") == 17.5
    assert value(metrics, "hearth_renewal_least_seconds_left") == 18.5
    assert value(metrics, "hearth_renewals_per_second_ceiling") == 19.5
    assert value(metrics, "hearth_capacity_connections") == 20
    assert value(metrics, "hearth_shards") == SHARD_COUNT
    assert value(metrics, "hearth_token_life_seconds") == LIFE


def test_every_number_since_the_start_has_its_metric() -> None:
    refresher = ToldRefresher()
    metrics, stats = refresher.metrics(), refresher.stats
    stats.renewals = 21
    stats.duplicates = 22
    stats.shards_gained = 23
    stats.shards_gone = 24
    stats.failures["timed_out"] = 25
    stats.losses[LossCause.TOO_LATE] = 26

    assert value(metrics, "hearth_renewals_total") == 21
    assert value(metrics, "hearth_duplicate_renewals_total") == 22
    assert value(metrics, "hearth_shard_changes_total", change="gained") == 23
    assert value(metrics, "hearth_shard_changes_total", change="gone") == 24
    assert value(metrics, "hearth_renewal_failures_total", reason="timed_out") == 25
    assert value(metrics, "hearth_losses_total", cause="too_late") == 26


def test_the_histogram_counts_what_lies_at_or_below_each_bound() -> None:
    refresher = ToldRefresher()
    for seconds_left in (3.0, 14.0, 29.0, 29.5, 59.0):
        refresher.stats.seconds_left.observe(seconds_left)
    metrics = refresher.metrics()
    name = "hearth_renewal_seconds_left"

    found = {bound: value(metrics, f"{name}_bucket", le=bound) for bound in ("3.0", "15.0", "30.0")}
    assert found == {"3.0": 1, "15.0": 2, "30.0": 4}
    assert value(metrics, f"{name}_bucket", le="+Inf") == value(metrics, f"{name}_count") == 5
    assert value(metrics, f"{name}_sum") == 134.5


def test_no_limit_is_infinite_and_no_renewal_is_no_value() -> None:
    metrics = ToldRefresher().metrics()

    assert value(metrics, "hearth_capacity_connections") == inf
    assert value(metrics, "hearth_renewals_per_second_ceiling") == inf
    assert value(metrics, "hearth_renewal_least_seconds_left") is None


def test_every_reason_and_cause_is_there_before_it_happens() -> None:
    metrics = ToldRefresher().metrics()

    for error in RENEWAL_ERRORS:
        assert value(metrics, "hearth_renewal_failures_total", reason=error.reason) == 0
    for cause in LossCause:
        assert value(metrics, "hearth_losses_total", cause=cause.value) == 0


def test_what_a_renewal_can_end_in_is_the_whole_family_of_errors() -> None:
    def leaves(error: type[InfobipError]) -> set[type[InfobipError]]:
        kinds = [kind for kind in error.__subclasses__() if kind.__module__ == error.__module__]
        return set().union(*map(leaves, kinds)) if kinds else {error}

    assert set(RENEWAL_ERRORS) == leaves(InfobipError) - {AppUnknown}
    assert {error.reason for error in RENEWAL_ERRORS} <= set(LossCause)


def test_a_reason_that_nobody_foresaw_is_shown_all_the_same() -> None:
    refresher = ToldRefresher()
    refresher.stats.failures["new"] = 1

    assert value(refresher.metrics(), "hearth_renewal_failures_total", reason="new") == 1


def test_many_hearths_in_one_process_do_not_meet() -> None:
    first, second = ToldRefresher(), ToldRefresher()
    first.stats.renewals = 1

    assert value(first.metrics(), "hearth_renewals_total") == 1
    assert value(second.metrics(), "hearth_renewals_total") == 0


def test_without_a_refresher_there_is_nothing_about_tokens() -> None:
    metrics = process_metrics(refresher=None, life_seconds=LIFE)

    assert {sample.name for sample in samples(metrics)} == {
        "hearth_build_info",
        "hearth_token_life_seconds",
    }
    assert value(metrics, "process_open_fds")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/plain; version=0.0.4"),
        ("*/*", "text/plain; version=0.0.4"),
        ("text/plain;version=1.0.0", "text/plain; version=1.0.0"),
        ("application/openmetrics-text;version=1.0.0;q=0.6", "application/openmetrics-text; ver"),
        ("application/openmetrics-text; version=x", "text/plain; version=0.0.4"),
        ("application/openmetrics-text; version=1.\u00e9", "text/plain; version=0.0.4"),
    ],
)
def test_the_format_is_the_one_that_is_asked_for(accept: str, kind: str) -> None:
    text, content_type = exposition(ToldRefresher().metrics(), accept=accept)

    assert content_type.startswith(kind)
    read = read_openmetrics if "openmetrics" in kind else read_text
    assert "hearth_losses" in {family.name for family in read(text.decode())}


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION


# --- docs/metrics.md --------------------------------------------------------------------------


def test_the_documentation_lists_every_metric_with_its_labels_and_kind() -> None:
    refresher = ToldRefresher()
    refresher.now = replace(refresher.now, least_seconds_left=1.0)
    exported = {
        (
            family.name + {"counter": "_total"}.get(family.type, ""),
            tuple(sorted({label for one in family.samples for label in one.labels} - {"le"})),
            family.type,
        )
        for family in refresher.metrics().collect()
        if family.name.startswith("hearth_")
    }
    rows = re.findall(r"^\| `(hearth_\w+)` \| (.*?) ?\| .*?\| (\w+): ", DOCUMENTED, re.M)

    assert {(name, tuple(re.findall(r"\w+", labels)), kind) for name, labels, kind in rows} == (
        exported
    )


def test_the_documentation_explains_every_reason_and_cause() -> None:
    words = {error.reason for error in RENEWAL_ERRORS} | {cause.value for cause in LossCause}
    explained = DOCUMENTED.partition("| Word |")[2].partition("\n\n")[0]

    assert set(re.findall(r"^\| `(\w+)` \|", explained, re.M)) == words
