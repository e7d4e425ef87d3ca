"""A child ends when its supervisor is gone, and can say that it is ready."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from gilfoyle import lifeline
from tests.processes import program

CHILD = """
import os, time
from gilfoyle import lifeline
lifeline.watch()
lifeline.ready()
lifeline.ready()
print([name for name in os.environ if name.endswith("_FD")], flush=True)
time.sleep(60)
"""


def test_ready_is_one_byte_and_the_end_of_the_line_is_sigterm() -> None:
    life, life_end = os.pipe()
    ready, ready_end = os.pipe()
    environment = {**os.environ, lifeline.LIFELINE_FD: str(life), lifeline.READY_FD: str(ready_end)}
    with program(
        [sys.executable, "-c", CHILD], env=environment, pass_fds=(life, ready_end), stdout=subprocess.PIPE
    ) as child:
        os.close(ready_end)
        assert child.stdout and child.stdout.readline() == b"[]\n"  # Grandchildren are told nothing.
        assert os.read(ready, 10) == b"1"
        assert os.read(ready, 10) == b""
        assert child.poll() is None
        os.close(life_end)
        assert child.wait(10) == -signal.SIGTERM
    os.close(life)
    os.close(ready)


@pytest.mark.parametrize("value", [None, "", "nonsense", "987654"])
def test_without_a_supervisor_nothing_happens(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    for variable in (lifeline.LIFELINE_FD, lifeline.READY_FD):
        monkeypatch.delenv(variable, raising=False)
        if value is not None:
            monkeypatch.setenv(variable, value)
    lifeline.watch()
    lifeline.ready()
