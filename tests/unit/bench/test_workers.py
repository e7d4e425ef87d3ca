"""Processes that join a benchmark: what they tell at their end, and how they are stopped."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench.workers import Joined, joined
from gilfoyle.errors import EncodeFailed, StartupError

WORKER = """
import os, signal, sys, time
print("2026-11-29 WARN sdk-core: gRPC call poll_activity_task_queue retried 5 times", flush=True)
sys.stderr.write({complains!r})
{at_once}
signal.signal(signal.SIGTERM, lambda *_: {ends})
os.write(int(os.environ["READY_FD"]), b"1")
time.sleep(60)
"""
TELLS = """(print('{"passes": 3}', flush=True), sys.exit())"""


def module(folder: Path, *, complains: str = "", at_once: str = "", ends: str) -> str:
    """One that says so much, and does `ends` on SIGTERM."""
    (folder / "some_worker.py").write_text(WORKER.format(complains=complains, at_once=at_once, ends=ends))
    return "some_worker"


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}


def test_what_a_worker_tells_is_its_last_line(tmp_path: Path) -> None:
    with joined([module(tmp_path, ends=TELLS)], environment(tmp_path)) as worker:
        assert worker.cpu_s() >= 0
    # Temporal's SDK writes its warnings to stdout, before that line.
    assert worker.said.startswith("2026-11-29 WARN") and worker.told() == {"passes": 3}


def test_one_that_breaks_at_its_end_is_named(tmp_path: Path) -> None:
    name = module(tmp_path, complains="the disk is full\n", ends="os._exit(3)")
    with joined([name], environment(tmp_path)) as worker:
        pass
    with pytest.raises(EncodeFailed, match=r"died \(3\): the disk is full"):
        worker.told()


def test_one_that_does_not_end_is_killed(tmp_path: Path) -> None:
    with joined([module(tmp_path, ends="None")], environment(tmp_path), stop_s=0.2) as worker:
        pass
    with pytest.raises(EncodeFailed, match=r"died \(-9\): .*sdk-core"):
        worker.told()


def test_one_that_does_not_begin_says_why(tmp_path: Path) -> None:
    name = module(tmp_path, complains="no Temporal\n", at_once="sys.exit(1)", ends="None")
    with pytest.raises(StartupError, match="no Temporal"), joined([name], environment(tmp_path)):
        pass


def test_one_that_says_nothing_at_all() -> None:
    with pytest.raises(EncodeFailed, match="It said nothing"):
        Joined(_Ended()).told()  # type: ignore[arg-type]


class _Ended:
    returncode = -9
