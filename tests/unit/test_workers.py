"""How much a worker does at once, and that every queue has its worker."""

from __future__ import annotations

import pytest

from gilfoyle.cli.commands.worker import Queue
from gilfoyle.config import WorkerSettings
from gilfoyle.temporal.routes import IO, PIPELINE, QUEUES, SPECIAL_QUEUES, TRANSCODE, pass_queue, queue_name
from gilfoyle.workers import transcode_capacity


@pytest.mark.parametrize(
    ("cores", "capacity"),
    [(1, (1, 2)), (2, (1, 2)), (3, (1, 3)), (4, (2, 2)), (8, (4, 2)), (9, (4, 2)), (64, (32, 2))],
)
def test_a_slot_for_two_cores_and_never_none(cores: int, capacity: tuple[int, int]) -> None:
    assert transcode_capacity(WorkerSettings(), cores) == capacity


@pytest.mark.parametrize(
    ("slots", "threads", "cores", "capacity"),
    [
        (1, 0, 8, (1, 8)),
        (1, 0, 1, (1, 2)),
        (16, 0, 8, (16, 2)),
        (0, 1, 8, (4, 1)),
        (3, 5, 64, (3, 5)),
    ],
)
def test_what_is_configured_counts(slots: int, threads: int, cores: int, capacity: tuple[int, int]) -> None:
    assert transcode_capacity(WorkerSettings(transcode_slots=slots, threads=threads), cores) == capacity


def test_queue_names() -> None:
    assert [queue_name("gilfoyle", queue) for queue in QUEUES] == [
        "gilfoyle-pipeline",
        "gilfoyle-io",
        "gilfoyle-transcode",
    ]
    assert set(QUEUES) == {PIPELINE, IO, TRANSCODE}
    assert {*Queue} == {*QUEUES, *SPECIAL_QUEUES}
    assert pass_queue("first", "nvenc") == "first-nvenc" and pass_queue("first", "") == "first"
