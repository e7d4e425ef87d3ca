"""Whose CPU time is whose, on real processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bench import cpu

# A little more than is asked for: what a process used is told in ticks of 10 ms.
BURN = "import time\nwhile time.process_time() < 0.35: pass"


@pytest.mark.parametrize(
    ("command", "part"),
    [
        (["python", "-m", "gilfoyle", "worker", "--queue", "transcode"], cpu.WORKERS),
        (["python", "-m", "gilfoyle", "api"], cpu.API),
        (["/opt/venv/bin/temporal", "server", "start-dev"], cpu.TEMPORAL),
        (["/opt/pg/bin/postgres", "-D", "/data"], cpu.POSTGRES),
        ([], cpu.UP),
    ],
)
def test_a_part_is_known_by_its_command_line(command: list[str], part: str) -> None:
    assert cpu.part_of(command) == part


@pytest.mark.skipif(not cpu.COUNTS_CHILDREN, reason="only Linux tells what ended children used")
def test_an_ended_grandchild_counts_for_the_part_that_ran_it() -> None:
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}]); print(flush=True); input()"
    before = cpu.used(os.getpid())
    # As `gilfoyle worker` looks in the process list: the arguments only have to be there.
    command = [sys.executable, "-c", script, "-m", "gilfoyle", "worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        spent = cpu.difference(before, cpu.used(os.getpid()))
        worker.communicate(b"\n")
    workers, api = spent[cpu.WORKERS], spent[cpu.API]
    assert workers is not None and workers >= 0.3
    assert api is not None and api < 0.1


def test_what_is_not_known_stays_unknown() -> None:
    unknown = dict.fromkeys(cpu.PARTS)
    assert cpu.difference(unknown, unknown) == unknown
