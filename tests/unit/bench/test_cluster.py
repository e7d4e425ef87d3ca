"""The figures of `bench cluster`, and what it takes from the shipped objects."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bench.cluster import control
from bench.cluster.node import slots_of
from bench.cluster.processes import Processes
from bench.cluster.prometheus import intervals
from bench.cluster.results import Cycle, Found, Sample, below_running, lowered_below_running
from gilfoyle.errors import StartupError

BASE = Path(__file__).parents[3] / "deploy/kubernetes/base"


def sample(wanted: int, long: int, running: int | None = None) -> Sample:
    return Sample(at=0, wanted=wanted, pods=wanted, long=long, running=long if running is None else running)


def test_fewer_workers_than_passes_that_run_are_seen() -> None:
    assert below_running([sample(0, 0), sample(2, 4), sample(3, 5)], slots=2) == 0
    assert below_running([sample(2, 5), sample(0, 1), sample(1, 2)], slots=2) == 2


def test_lowering_below_what_runs_is_seen_and_growing_is_not() -> None:
    growing = [sample(0, 0), sample(1, 2, 4), sample(9, 4, 6)]
    assert lowered_below_running(growing, slots=2) == 0
    assert lowered_below_running([sample(8, 16), sample(8, 4), sample(2, 4)], slots=2) == 0
    assert lowered_below_running([sample(8, 16), sample(2, 4, 5), sample(2, 4, 5)], slots=2) == 1


def test_the_worst_of_the_cycles_counts() -> None:
    def cycle(first_s: float, below: int, idle: int) -> Cycle:
        return Cycle(1, first_s, 60, 120, 12, below, 0, idle)

    found = Found([cycle(4, 0, 1), cycle(9.04, 3, 0)], segments=1000, redone=5, ended=20, ended_busy=2, told_busy=9)
    assert found.summary() == {
        "first_replica_s": 9.0,
        "below_running": 3,
        "lowered_below_running": 0,
        "redone_share": 0.005,
        "idle_replicas": 1,
    }


def test_slots_and_intervals_are_those_that_are_shipped() -> None:
    deployment = next(yaml.safe_load_all((BASE / "transcode.yaml").read_text()))
    assert slots_of(deployment["spec"]["template"]["spec"]) == 2
    assert intervals() == {"scrape_interval": "5s", "scrape_timeout": "4s"}


def test_what_was_not_built_is_named(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/etcd").touch()
    with pytest.raises(StartupError, match=r"lacks kube-apiserver, .*keda-adapter: deploy/kubernetes/check/build\.sh"):
        control.start(tmp_path, tmp_path, Processes(tmp_path))
