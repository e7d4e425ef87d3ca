"""What the tests themselves rely on: signals reach what they start, and a leak is its own test's failure."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import processes

ROOT = Path(__file__).parents[2]
LEAKS = """
import os, subprocess, sys

def test_a_program_is_left():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])

def test_a_file_is_left():
    keeping = [os.fdopen(os.pipe()[0])]
    keeping.append(keeping)

def test_nothing_is_left():
    pass
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_this_run_ignores_ends_a_program(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with processes.program([sys.executable, "-c", "import time; time.sleep(60)"]) as program:
            program.send_signal(number)
            assert program.wait(10) in {-number, 1}
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


@pytest.mark.skipif(sys.platform != "linux", reason="it is known on Linux alone")
def test_a_leak_fails_its_own_test(tmp_path: Path) -> None:
    (tmp_path / "test_leaks.py").write_text(LEAKS)
    command = [sys.executable, "-m", "pytest", "-q", "-c", "pyproject.toml", "-p", "tests.conftest", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "test_a_program_is_left - AssertionError: it left running" in done.stdout
    assert "test_a_file_is_left" in done.stdout
    assert "test_nothing_is_left" not in done.stdout
