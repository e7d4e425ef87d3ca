"""`gilfoyle.storage.check` on folders: what is right passes, and each fault ends in what to do about it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gilfoyle.cli.commands.storage_check import prober
from gilfoyle.config import Settings, StorageSettings
from gilfoyle.storage.check import Outcome, check
from tests.integration.storage.checking import failed, fault, files_in, left, note, outcomes

NOBODY = 65534
SMALL_DISK = "size=8m"


async def test_a_folder_passes_every_step_and_stays_empty(tmp_path: Path) -> None:
    report = await check(files_in(tmp_path / "media"), probe=prober(Settings()))
    assert report.ok
    assert {*outcomes(report).values()} == {Outcome.OK}
    assert [each.step for each in report.results][:2] == ["open", "write"]
    assert "MB/s" in note(report, "write large")
    assert left(tmp_path / "media") == []


async def test_without_ffprobe_the_rest_is_tried(tmp_path: Path) -> None:
    tools = Settings.model_validate({"tools": {"ffprobe": str(tmp_path / "none")}})
    report = await check(files_in(tmp_path / "media"), probe=prober(tools))
    assert report.ok
    assert outcomes(report)["ffprobe"] is Outcome.SKIPPED
    assert "tools.ffprobe" in note(report, "ffprobe")


@contextmanager
def without_root() -> Iterator[None]:
    """Permissions mean nothing to root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("there", [True, False])
async def test_a_folder_that_is_not_ours_says_whose_it_must_be(there: bool) -> None:
    with tempfile.TemporaryDirectory() as root:  # pytest's own folders are closed to others
        folder = Path(root) / "media"
        if there:
            (folder / ".tmp").mkdir(parents=True)
            (folder / ".tmp").chmod(0o555)
            folder.chmod(0o555)
        Path(root).chmod(0o555)
        with without_root():
            report = await check(files_in(folder))
        Path(root).chmod(0o755)
    step = "write" if there else "open"
    assert "permission is denied" in fault(report, step)
    assert f"Let the user {'nobody' if os.geteuid() == 0 else ''}" in note(report, step)
    assert str(folder) in note(report, step)
    assert outcomes(report)["read"] is Outcome.SKIPPED
    assert outcomes(report)["delete folder"] is Outcome.SKIPPED


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", SMALL_DISK, "none", str(disk)], capture_output=True).returncode:
        pytest.skip("this user can't mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


async def test_a_full_disk_says_so_and_is_left_empty(small_disk: Path) -> None:
    report = await check(files_in(small_disk))
    assert "the disk is full" in fault(report, "write large")
    assert f"Make room on the disk of {small_disk}" in note(report, "write large")
    assert outcomes(report)["read large"] is Outcome.SKIPPED
    assert outcomes(report)["list"] is Outcome.OK
    assert left(small_disk) == []


async def test_a_check_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "media"
    checking = asyncio.create_task(check(files_in(folder)))
    while not list(folder.glob("*/1/master.m3u8")):
        await asyncio.sleep(0)
    checking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await checking
    assert left(folder) == []


async def test_a_clock_that_is_wrong_is_told(tmp_path: Path) -> None:
    report = await check(files_in(tmp_path / "media"), now=lambda: time.time() - 600)
    assert failed(report) == ["clock"]
    assert "10 min ahead" in fault(report, "clock")


async def test_a_driver_that_is_not_there() -> None:
    assert "storage.driver can be filesystem" in fault(await check(StorageSettings(), "tape"), "open")
