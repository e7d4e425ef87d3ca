"""Spans from a history that Temporal wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.api.history.v1 import (
    HistoryEvent,
    WorkflowTaskFailedEventAttributes,
    WorkflowTaskTimedOutEventAttributes,
)
from temporalio.client import WorkflowHistory

from bench.history import TRANSCODE, Run, read, read_runs

FOLDER = Path(__file__).parents[2] / "integration" / "workflows" / "histories"
HISTORIES = sorted(FOLDER.glob("process-*.json"))
READY = WorkflowHistory.from_json("any", (FOLDER / "process-ready.json").read_text()).events


@pytest.mark.parametrize("file", HISTORIES, ids=lambda file: file.stem)
def test_each_activity_that_ended_is_a_span(file: Path) -> None:
    found = read(WorkflowHistory.from_json("any", file.read_text()).events)
    assert found[0].name == "store"
    assert all(0 <= span.scheduled <= span.started <= span.ended for span in found)
    assert all(span.waited_s >= 0 and span.ran_s >= 0 for span in found)


def test_a_pass_says_what_it_encoded() -> None:
    passes = [span for span in read(READY) if span.name in TRANSCODE]
    assert passes and all("segments" in span.summary for span in passes)


def test_times_can_count_from_another_moment() -> None:
    (first, *_), (later, *_) = read(READY), read(READY, since=0.0)
    assert later.ended - later.scheduled == pytest.approx(first.ended - first.scheduled, abs=0.01)
    assert later.scheduled > 1e9


def test_runs_follow_each_other_on_one_clock() -> None:
    once, twice = read(READY), read_runs([Run(READY, 0), Run(READY, 0)])
    assert twice == [*once, *once]


def test_a_run_tells_its_largest_payload_and_its_longest_task() -> None:
    run = Run(READY, 0)
    whole = sum(event.ByteSize() for event in READY)
    assert whole / len(READY) < run.largest_event_bytes < whole
    assert 0 < run.longest_task_s < 60
    assert run.failed_tasks == 0


def test_tasks_that_a_worker_could_not_end_are_counted() -> None:
    failed = HistoryEvent(workflow_task_failed_event_attributes=WorkflowTaskFailedEventAttributes())
    late = HistoryEvent(workflow_task_timed_out_event_attributes=WorkflowTaskTimedOutEventAttributes())
    assert Run([*READY, failed, late], 0).failed_tasks == 2
