"""Alerts and dashboards: each asks for metrics that there are, and each alert fires when it should."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gilfoyle.config import Settings
from tests.unit.deploy.compose import DEPLOY, OURS, ROOT, SERVICES

ALERTS = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
SCRAPED = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
BOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
# What Prometheus has by itself, and its client for Python for each process.
_BUILT_IN = {
    *("up", "ALERTS", "process_start_time_seconds", "process_cpu_seconds_total"),
    *("process_resident_memory_bytes", "process_open_fds"),
}
_TABLE = re.compile(r"^\| `(gilfoyle_\w+)` \| ([^|]*)\| [^|]*\| (histogram:)?", re.MULTILINE)


def documented() -> dict[str, set[str]]:
    """The labels of each series, by its name, as docs/operations.md has them."""
    found = {}
    for name, labels, histogram in _TABLE.findall((ROOT / "docs" / "operations.md").read_text()):
        for each in (f"{name}_bucket", f"{name}_count", f"{name}_sum") if histogram else (name,):
            found[each] = set(re.findall(r"`(\w+)`", labels))
    return found


def queries() -> Iterator[tuple[str, str]]:
    """Every expression, and where it stands."""
    for rule in ALERTS:
        yield rule["alert"], rule["expr"]
    for file in BOARDS:
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{file.stem}: {panel['title']}", target["expr"]


@pytest.mark.parametrize("query", [pytest.param(query, id=where) for where, query in queries()])
def test_queries_name_metrics_that_are_documented(query: str) -> None:
    known = documented()
    plain = re.sub(r'"[^"]*"', '""', query)
    asked = set(re.findall(r"\b((?:gilfoyle|process|python|temporal)_\w+|up|ALERTS)\b", plain))
    assert asked and asked <= known.keys() | _BUILT_IN
    # What is asked of a metric, and what its series are grouped by, are its labels or those of whoever scrapes it.
    given = {"job", "service", "instance", "le", "alertstate"}
    labels = {label for name in asked for label in known.get(name, set())} | given
    used = set(re.findall(r'[{,]\s*(\w+)\s*[=!]~?"', plain))
    for group in re.findall(r"\b(?:by|on|without) ?\(([^)]*)\)", plain):
        used |= set(re.findall(r"\w+", group))
    assert used <= labels


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(query, id=where)
        for where, query in queries()
        if ": " in where and re.search(r"pass_failures_total|=~?\"5|ALERTS", query)
    ],
)
def test_what_only_failures_make_is_zero_without_one(query: str) -> None:
    """Those series are not there before the first, and a panel that says `No data` looks broken."""
    assert query.endswith(" or on() vector(0)")


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_alerts_say_how_urgent_they_are_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert {*rule["annotations"]} == {"summary", "description"}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_each_alert_is_tested_to_fire(rule: dict[str, Any]) -> None:
    tests = yaml.safe_load((DEPLOY / "prometheus" / "alerts.test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test.get("alert_rule_test", [])]
    assert any(case["alertname"] == rule["alert"] and case.get("exp_alerts") for case in cases)


@pytest.mark.skipif(not shutil.which("promtool"), reason="there is no promtool: it comes with Debian's prometheus")
def test_the_rules_pass_their_own_tests() -> None:
    for what in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]):
        done = subprocess.run(
            ["promtool", *what], cwd=DEPLOY / "prometheus", capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_process_is_scraped() -> None:
    ours = next(each for each in SCRAPED if each["job_name"] == "gilfoyle")["dns_sd_configs"][0]
    assert sorted(ours["names"]) == sorted(name for name in OURS if name != "migrate")
    assert ours["port"] == Settings().metrics.port
    for name in ours["names"]:
        assert OURS[name]["environment"]["GILFOYLE_METRICS__HOST"] == "0.0.0.0"
        check = OURS[name].get("healthcheck", {}).get("test", [""])[-1]
        assert name == "api" or check == f"http://127.0.0.1:{ours['port']}/metrics"
    theirs = next(each for each in SCRAPED if each["job_name"] == "temporal")["static_configs"][0]["targets"]
    assert theirs == ["temporal:" + SERVICES["temporal"]["environment"]["PROMETHEUS_ENDPOINT"].rpartition(":")[2]]


@pytest.mark.parametrize("file", BOARDS, ids=lambda file: file.stem)
def test_dashboards_are_whole(file: Path) -> None:
    board = json.loads(file.read_text())
    sources = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    assert board["uid"] == f"gilfoyle-{file.stem}" and board["title"].startswith("Gilfoyle: ")
    ids = [panel["id"] for panel in board["panels"]]
    assert len({*ids}) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        place = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not place & taken and max(x for x, _ in place) < 24
        taken |= place
        assert {each["uid"] for each in (panel["datasource"], *(t["datasource"] for t in panel["targets"]))} == {
            sources[0]["uid"]
        }


def test_grafana_and_prometheus_find_their_files() -> None:
    provider = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/gilfoyle.yml").read_text())["providers"][0]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in SERVICES["grafana"]["volumes"]
    for file in yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["rule_files"]:
        assert (DEPLOY / "prometheus" / Path(file).name).is_file()
        assert f"./prometheus:{Path(file).parent}:ro" in SERVICES["prometheus"]["volumes"]
