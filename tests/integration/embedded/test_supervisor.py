"""The supervisor, with real processes."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from gilfoyle.embedded import leftovers
from gilfoyle.embedded.folder import DataFolder
from gilfoyle.errors import StartupError
from gilfoyle.tasks import gather_or_cancel
from tests.integration.embedded.supervision import READY, eventually, processes_of, python, supervising
from tests.processes import program

SLEEP = "import time; time.sleep(60)"
DEAF = "import signal; signal.signal(15, signal.SIG_IGN);"


async def test_a_dead_child_is_told_of_and_restarted(folder: DataFolder) -> None:
    async with supervising(folder) as (supervisor, said):
        await supervisor.start(python(folder, "encoder", f"print('at work', flush=True); {READY} {SLEEP}"))
        (first,) = processes_of(folder)
        first.send_signal(signal.SIGKILL)
        log = folder.logs / "encoder.log"
        assert await said.holds("The encoder") == (
            f'The encoder was killed by SIGKILL; its log {log} ends with "at work". It is started again in 0.05 s.'
        )
        (second,) = await eventually(lambda: [p for p in processes_of(folder) if p.pid != first.pid])
        # It runs a moment before it is recorded.
        await eventually(lambda: [trace.pid for trace in leftovers.recorded(folder.run)] == [second.pid])
    assert processes_of(folder) == []
    assert not folder.run.exists()


async def test_one_that_dies_again_and_again_is_given_up(folder: DataFolder) -> None:
    async with supervising(folder) as (supervisor, said):
        await supervisor.start(python(folder, "encoder", f"{READY} raise SystemExit('no frames')"))
        error = await asyncio.wait_for(supervisor.failed(), 10)
        assert "The encoder ended with exit code 1; its log" in error.message
        assert error.message.endswith('ends with "no frames". It died 3 times in short order.')
        assert len(said) == 2


async def test_one_that_dies_before_it_is_ready_ends_the_start(folder: DataFolder) -> None:
    async with supervising(folder) as (supervisor, said):
        with pytest.raises(StartupError, match=r'exit code 3; its log .* ends with "out of film"'):
            await supervisor.start(python(folder, "encoder", "print('out of film'); raise SystemExit(3)"))
        assert said == []


async def test_words_of_an_earlier_run_are_not_its_last(folder: DataFolder) -> None:
    (folder.logs / "encoder.log").write_text("all is well\n")
    async with supervising(folder) as (supervisor, _):
        with pytest.raises(StartupError, match=r"exit code 3; it wrote nothing to its log"):
            await supervisor.start(python(folder, "encoder", "raise SystemExit(3)"))


async def test_one_that_is_never_ready_ends_the_start(folder: DataFolder) -> None:
    async with supervising(folder) as (supervisor, _):
        with pytest.raises(StartupError, match="The encoder did not answer within 0 s"):
            await supervisor.start(replace(python(folder, "encoder", SLEEP), ready_s=0.3))


async def test_one_that_cannot_be_run_is_a_sentence(folder: DataFolder) -> None:
    async with supervising(folder) as (supervisor, _):
        with pytest.raises(StartupError, match="The encoder can't be started: No such file"):
            await supervisor.start(replace(python(folder, "encoder", SLEEP), command=["/no/such"]))


async def test_children_stop_from_the_highest_stage_down(folder: DataFolder) -> None:
    order = folder.root / "order"
    async with supervising(folder) as (supervisor, _):
        for stage, name in enumerate(("database", "worker", "api")):
            note = f"(open({str(order)!r}, 'a').write({name!r} + chr(10)), exit())"
            code = f"import signal; signal.signal(15, lambda *_: {note}); {READY} {SLEEP}"
            await supervisor.start(python(folder, name, code, stage=stage))
    assert order.read_text().split() == ["api", "worker", "database"]


async def test_a_deaf_child_and_its_own_children_are_killed(folder: DataFolder) -> None:
    child = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}, sys.argv[1]]);"
    async with supervising(folder) as (supervisor, _):
        await supervisor.start(python(folder, "encoder", f"{DEAF} {child} {READY} {SLEEP}", grace_s=0.3))
        await eventually(lambda: len(processes_of(folder)) == 2)
    # Of its children the supervisor is no parent: that they are killed is known, that they are gone is not yet.
    await eventually(lambda: processes_of(folder) == [])


async def test_hurry_does_not_wait_for_grace(folder: DataFolder) -> None:
    loop, hurry = asyncio.get_running_loop(), asyncio.Event()
    async with supervising(folder, hurry) as (supervisor, _):
        await supervisor.start(python(folder, "encoder", f"{DEAF} {READY} {SLEEP}", grace_s=60))
        began = loop.time()
        hurry.set()
    assert loop.time() - began < 5
    assert processes_of(folder) == []


async def test_a_log_that_has_grown_large_is_set_aside(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gilfoyle.embedded.process.LOG_BYTES", 3)
    for words in ("one", "two", "three"):
        async with supervising(folder) as (supervisor, _):
            await supervisor.start(python(folder, "encoder", f"print({words!r}, flush=True); {READY} {SLEEP}"))
    assert sorted(file.name for file in folder.logs.iterdir()) == ["encoder.log", "encoder.log.1"]
    assert (folder.logs / "encoder.log").read_text() == "three\n"
    assert (folder.logs / "encoder.log.1").read_text() == "two\n"


async def test_the_first_error_of_several_steps_is_raised_by_itself() -> None:
    async def fails() -> None:
        raise StartupError("no")

    async def nested() -> None:
        await gather_or_cancel(fails(), asyncio.sleep(60))

    with pytest.raises(StartupError, match="no"):
        await asyncio.wait_for(gather_or_cancel(nested(), asyncio.sleep(60)), 5)


def test_orphans_are_adopted_and_ended(folder: DataFolder) -> None:
    """In a process of its own: adopting is for good."""
    grandchild = [sys.executable, "-c", SLEEP, str(folder.root)]
    child = f"import subprocess; subprocess.Popen({grandchild!r}, start_new_session=True)"
    code = (
        "import subprocess, sys; from gilfoyle.embedded import orphans; orphans.adopt();"
        f"subprocess.run([sys.executable, '-c', {child!r}], check=True); print('left', flush=True);"
        "sys.stdin.readline(); orphans.sweep(()); print('swept', flush=True)"
    )
    with program([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdin and process.stdout.readline() == "left\n"
        (orphan,) = [p for p in processes_of(folder) if p.cmdline() == grandchild]
        if sys.platform != "linux":
            orphan.kill()
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "swept\n"
        assert not psutil.pid_exists(orphan.pid)
