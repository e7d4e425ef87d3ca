"""The figures of `bench capacity`: what servers tell, what passes did, and which limit is passed."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from bench.capacity import limits
from bench.capacity.activities import Seen
from bench.capacity.limits import Measure, actions
from bench.capacity.report import table
from bench.capacity.results import Found, Passes, Real, Window, passes
from bench.counters import rates, read
from bench.machine import Machine

PROMETHEUS = """\
# TYPE service_requests counter
service_requests{namespace="default",operation="PollActivityTaskQueue",service_name="frontend"} 30
service_requests{namespace="temporal_system",operation="PollActivityTaskQueue",service_name="frontend"} 7
service_requests{namespace="default",operation="PollActivityTaskQueue",service_name="matching"} 31
service_requests{namespace="default",operation="RecordActivityTaskHeartbeat",service_name="frontend"} 400
# TYPE service_requests_of_others counter
service_requests_of_others{service_name="frontend"} 1000
# TYPE memory gauge
memory 5
"""
NONE = Passes(0, 0, 0, 0, 0, 0, 0)


def window(heartbeats: float, polls: int, *, refused: float = 0, passes_: Passes = NONE) -> Window:
    return Window(
        seconds=60,
        requests={
            "frontend": {"RecordActivityTaskHeartbeat": heartbeats, "RespondActivityTaskCompleted": 20},
            "history": {"RecordActivityTaskHeartbeat": heartbeats},
            "matching": {"PollActivityTaskQueue": 50},
        },
        database_requests={"history": 2 * heartbeats},
        polls={"PollActivityTaskQueue": polls, "PollWorkflowTaskQueue": 10},
        pollers={"transcode": 1000, "first": 999, "verify": 998},
        refused={"ConcurrentLimit": refused} if refused else {},
        temporal_connections=1020,
        temporal_cores=0.5,
        temporal_mb=700,
        database_connections={"up": 6, "pipeline-0": 9, "io-0": 4, "host-0": 0},
        storage={"PUT": 120, "GET": 50, "LIST": 20},
        hosts_cores=0.4,
        passes=passes_,
    )


def found(loaded: Window) -> Found:
    return Found(1000, 2, 8, 60, window(0, loaded.polls["PollActivityTaskQueue"]), loaded, None)


def test_counters_are_summed_by_what_is_asked_for() -> None:
    told = read(PROMETHEUS, ["service_requests"])
    assert told.by("operation", "service_requests", service_name="frontend", namespace="default") == {
        "PollActivityTaskQueue": 30,
        "RecordActivityTaskHeartbeat": 400,
    }
    assert told.by("service_name", "service_requests") == {"frontend": 437, "matching": 31}
    assert told.total("service_requests", namespace="temporal_system") == 7
    assert told.total("memory") == 0


def test_rates_are_of_what_grew_the_most_first() -> None:
    assert rates({"a": 10, "b": 5, "c": 1}, {"a": 40, "b": 5, "c": 91, "d": 3}, 30) == {"c": 3, "a": 1, "d": 0.1}
    assert [*rates({}, {"few": 1, "many": 9}, 1)] == ["many", "few"]


def test_passes_of_the_window_alone_count() -> None:
    hosts = [
        Seen(began=[(9.9, 50.0), (10, 0.1), (12, 0.3)], ended=[9, 11, 20], segments=[10.5, 30], failed=[5]),
        Seen(began=[(19.9, 0.2), (20, 50.0)], ended=[19], segments=[11, 12], failed=[15]),
    ]
    # As a host tells it, as a line of JSON.
    told = [Seen(**json.loads(json.dumps(asdict(each)))) for each in hosts]
    seen = passes(told, 10, 20, running=[1, 2])
    assert (seen.running, seen.began, seen.ended, seen.segments, seen.failed) == (1.5, 3, 2, 3, 1)
    assert seen.waited_p50_s == 0.2 and 0.3 <= seen.waited_p95_s < 1


def test_nothing_that_began_waited_for_nothing() -> None:
    assert passes([], 0, 10, running=[]) == NONE


def test_every_figure_has_a_limit_and_those_beyond_are_counted() -> None:
    calm = found(window(heartbeats=360, polls=1100))
    assert {each.name for each in calm.measures()} == {*limits.LIMITS}
    assert calm.summary()["outside"] == 0
    wild = found(window(heartbeats=1800, polls=12_000, refused=12))
    outside = {each.name for each in wild.measures() if not each.is_inside}
    assert outside == {limits.POLLS, limits.CLOUD_ACTIONS}
    assert (wild.summary()["outside"], wild.summary()["refused_per_s"]) == (2, 12)


@pytest.mark.parametrize(("idle", "loaded", "inside"), [(10_000, 0, True), (0, 10_000.5, False), (10_001, 3, False)])
def test_idle_fleets_are_held_to_limits_too(idle: float, loaded: float, inside: bool) -> None:
    assert Measure(limits.POLLS, idle, loaded).is_inside is inside


def test_the_limit_of_polls_is_the_one_that_ships() -> None:
    settings = yaml.safe_load((Path(__file__).parents[3] / "deploy/temporal-dynamic-config.yaml").read_text())
    assert settings["frontend.namespaceCount"] == [{"value": limits.LIMITS[limits.POLLS]}]


def test_what_the_cloud_bills() -> None:
    asked = {"RecordActivityTaskHeartbeat": 300.0, "RespondActivityTaskCompleted": 20.0, "PollActivityTaskQueue": 900.0}
    assert actions(asked | {"SignalWorkflowExecution": 5.0, "RespondWorkflowTaskCompleted": 40.0}) == 325


def test_the_figures_of_a_run() -> None:
    did = Passes(1500, 300, 240, 1000, 2, 0.01, 0.2)
    total = found(window(heartbeats=300, polls=3000, passes_=did)).summary()
    assert total["heartbeats_per_pass_s"] == 0.2 and total["passes_per_s"] == 4
    assert (total["open_polls"], total["frontend_requests_per_s"]) == (3000, 320)
    assert (total["database_connections"], total["passes_failed"]) == (19, 2)
    assert (total["schedule_to_start_p50_s"], total["schedule_to_start_p95_s"]) == (0.01, 0.2)


def test_a_film_that_was_really_encoded_is_told_by_the_hour() -> None:
    real = Real(film_s=60, passes=8, segments=75, storage={"PUT": 80, "GET": 41}, temporal={})
    assert real.per_hour() == {"PUT": 4800, "GET": 2460}


def test_the_table_names_what_is_beyond_its_limit() -> None:
    run = found(window(heartbeats=1800, polls=12_000, refused=12))
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table(replace(run, workers=17), Machine(2, "Linux", "8", 1, 2)))
    lines = console.export_text().splitlines()
    assert any(line.strip().startswith("17 workers that encode, of 2 slots, and 8 for all else") for line in lines)
    (polls,) = (line for line in lines if limits.POLLS in line and "Cloud" not in line)
    assert "12000" in polls and "10000" in polls and "NO" in polls
    (connections,) = (line for line in lines if "one light process" in line)
    assert "9" in connections
    assert any("refused" in line and "12 ConcurrentLimit" in line for line in lines)
