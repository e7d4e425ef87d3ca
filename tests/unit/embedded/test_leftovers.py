"""What an `up` that was killed left running is found again, and nothing else is touched."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from gilfoyle.embedded import leftovers
from gilfoyle.embedded.leftovers import Trace
from tests.processes import program


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with program([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process


@contextmanager
def stubborn(handling: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has run the `handling` and then sleeps."""
    code = f"import signal, time; {handling}; print(flush=True); time.sleep(60)"
    with program([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline()
        yield process


def trace_of(process: subprocess.Popen[bytes]) -> Trace:
    trace = Trace.of("sleeper", process.pid, signal.SIGTERM)
    assert trace
    return trace


def test_a_record_is_read_back(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    traces = [trace_of(sleeper)]
    leftovers.record(tmp_path / "run.json", traces)
    assert leftovers.recorded(tmp_path / "run.json") == traces
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize("text", ["", "{", '{"pid": 1}', '[{"pid": 1}]', "[1]", "null"])
def test_a_damaged_record_names_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    assert leftovers.recorded(tmp_path / "run.json") == []


def test_no_record_names_nobody(tmp_path: Path) -> None:
    assert leftovers.recorded(tmp_path / "run.json") == []


def test_a_leftover_is_stopped_by_its_own_signal() -> None:
    with stubborn("signal.signal(2, lambda *_: (print('INT', flush=True), exit()))") as process:
        assert leftovers.stop([replace(trace_of(process), stop=int(signal.SIGINT))]) == ["sleeper"]
        assert process.stdout and process.stdout.readline() == b"INT\n"
        assert not psutil.pid_exists(process.pid)


def test_another_process_with_the_same_number_is_left_alone(sleeper: subprocess.Popen[bytes]) -> None:
    trace = trace_of(sleeper)
    assert leftovers.stop([replace(trace, started=trace.started - 60)]) == []
    assert sleeper.poll() is None


def test_one_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "PATIENCE_S", 0.3)
    with stubborn("signal.signal(15, signal.SIG_IGN)") as process:
        leftovers.stop([trace_of(process)])
        assert not psutil.pid_exists(process.pid)


def test_a_process_that_is_gone_leaves_no_trace() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert Trace.of("gone", gone.pid, signal.SIGTERM) is None
