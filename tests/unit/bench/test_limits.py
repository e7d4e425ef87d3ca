"""Which process is whose, how its memory grew, and the figures of the uploads and the long medias."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bench.limits.memory import API, KINDS, LIGHT, TRANSCODE, Levels, Sample, all_levels, kind_of, levels, rss_mb
from bench.limits.patience import Patience
from bench.limits.report import table
from bench.limits.results import Crowd, Found, Long, Wide, growth, summary
from bench.machine import Machine
from gilfoyle.errors import EncodeFailed

WORKER = ["python", "-m", "gilfoyle", "worker"]
MEMORY = {
    API: Levels(begin=100, tenth=110, peak=125, late=120, end=115),
    LIGHT: Levels(begin=100, tenth=300, peak=320, late=280, end=280),
    TRANSCODE: Levels(begin=100, tenth=110, peak=112, late=112, end=112),
}
CROWD = Crowd(uploads=10, ready=10, accepted_s=1.0, wall_s=20.0, longest_queue=9, memory=MEMORY)
LONG = Long(
    hours=12,
    upload_s=1.0,
    wall_s=600.0,
    history_events=12_000,
    history_bytes=3 * 2**20,
    steps={"encode_audio": 146},
    playlist_ms=20.0,
    playlist_bytes=1_000_000,
    memory=MEMORY,
)

WIDE = Wide(
    hours=12,
    renditions=11,
    runs=3,
    passes=3800,
    segments=118_800,
    wall_s=600.0,
    history_events=[9000, 9500, 4000],
    history_bytes=[7 * 2**20, 8 * 2**20, 2**20],
    largest_event_bytes=400 * 1024,
    longest_task_s=0.5,
    failed_tasks=0,
    steps={"encode_video": 3581},
)


def samples(*taken: float) -> list[Sample]:
    """At even steps of the work, from none of it to all."""
    share = 1 / (len(taken) - 1)
    return [Sample(number, {LIGHT: mb}, dict.fromkeys(KINDS, number * share)) for number, mb in enumerate(taken)]


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ([*WORKER, "--queue", "pipeline", "--queue", "io"], LIGHT),
        ([*WORKER, "--queue", "transcode"], TRANSCODE),
        (["python", "-m", "gilfoyle", "api"], API),
        (["/opt/venv/bin/temporal", "server", "start-dev"], None),
        (["/opt/pg/bin/postgres", "-D", "/data"], None),
        ([], None),
    ],
)
def test_a_kind_is_known_by_its_command_line(command: list[str], kind: str | None) -> None:
    assert kind_of(command) == kind


def test_the_memory_is_that_of_the_process() -> None:
    # As `gilfoyle worker` looks in the process list: the arguments only have to be there.
    script = "import sys; held = bytearray(50_000_000); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, "-m", "gilfoyle", "worker", "--queue", "transcode"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        found = rss_mb(os.getpid())
        worker.communicate(b"")
    assert 50 < found[TRANSCODE] < 100


def test_growth_is_from_the_first_tenth_to_the_last() -> None:
    found = levels(samples(100, 200, 500, 300, 300, 300, 300, 300, 300, 230, 210), LIGHT)
    assert found == Levels(begin=100, tenth=200, peak=500, late=230, end=210)
    assert found.growth == 30


def test_a_run_too_short_to_be_seen_growing_has_its_end_only() -> None:
    assert levels([Sample(0, {LIGHT: 100}, {LIGHT: 0}), Sample(1, {LIGHT: 110}, {LIGHT: 1})], LIGHT) == Levels(
        begin=100, tenth=110, peak=110, late=110, end=110
    )


def test_a_kind_that_is_away_is_left_out() -> None:
    restarted = [*samples(100, 120), Sample(2, {}, dict.fromkeys(KINDS, 1.0))]
    assert all_levels(restarted) == {LIGHT: levels(samples(100, 120), LIGHT)}
    assert growth(all_levels(restarted), API) is None


def test_the_worse_worker_counts() -> None:
    assert growth(MEMORY, LIGHT, TRANSCODE) == 2
    assert growth(MEMORY, API) == 10


def test_figures_are_named_by_part_and_length() -> None:
    found = summary(Found(CROWD, {"audio": LONG}))
    assert (found["rss_growth_mb_api"], found["rss_growth_mb_workers"]) == (10, 2)
    assert (found["uploads_ready"], found["uploads_per_s"], found["longest_queue"]) == (10, 0.5, 9)
    assert (found["history_events_audio_12h"], found["history_mb_audio_12h"]) == (12_000, 3)
    assert not [name for name in found if "video" in name]


def test_the_largest_of_the_runs_of_a_wide_film_counts() -> None:
    found = summary(Found(None, {}, WIDE))
    assert (found["history_events_wide_12h"], found["history_mb_wide_12h"]) == (9500, 8)
    assert (found["largest_payload_kb_wide_12h"], found["runs_wide_12h"]) == (400, 3)


def test_what_was_left_out_has_no_figures() -> None:
    assert summary(Found(None, {})) == {}


def test_the_table_has_a_row_for_each_part() -> None:
    machine = Machine(cores=2, system="Linux", ffmpeg="9", slots=1, threads=2)
    first, *_ = table(Found(CROWD, {"audio": LONG}, WIDE), machine).columns
    rows = [*first.cells]
    assert "uploads that are Ready" in rows and "audio of 12 h: events of its history" in rows
    assert "11 renditions of 12 h: runs of the workflow" in rows


def test_patience_ends_where_nothing_goes_on() -> None:
    now = iter([0.0, 1.0, 9.0, 18.0, 20.0])
    patience = Patience(10, lambda: next(now))
    patience.note(0.1, "")
    patience.note(0.2, "")
    patience.note(0.2, "")
    with pytest.raises(EncodeFailed, match=r"^Nothing has gone on for 10 s: 2 of 10 are Ready\.$"):
        patience.note(0.2, "2 of 10 are Ready.")
