"""The parts of an installation, killed and started again, and what is true of an upload then."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import pytest

from chaos import histories, leftovers, memory, operating
from chaos.client import Accepted, Client, medias
from chaos.disk import Disk
from chaos.inspection import Inspection
from chaos.installation import Installation
from chaos.report import Report
from chaos.sources import LONG, TEXT, VARIABLE, Source, make
from gilfoyle.temporal.connect import connect
from tests.processes import program
from tests.sources import FFMPEG


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[Installation]:
    for folder in (tmp_path, tmp_path.parent):
        folder.chmod(0o755)
    found = Installation(uuid4().hex, tmp_path, "filesystem", print)
    try:
        await found.start()
        yield found
    finally:
        await found.stop()


async def test_a_disk_is_full_and_is_not(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "disk", 8)
    disk.mount()
    if disk.why_not:
        pytest.skip(disk.why_not)
    try:
        disk.fill()
        with pytest.raises(OSError, match="No space"), (disk.path / "file").open("wb") as file:
            file.write(bytes(4096))
        disk.free()
        (disk.path / "file").write_bytes(bytes(1_000_000))
    finally:
        disk.unmount()
    assert not (disk.path / "file").exists()


def test_what_a_run_has_started_is_found_and_ended(tmp_path: Path) -> None:
    with program(["/bin/sleep", "60"], cwd=tmp_path, start_new_session=True) as process:
        assert leftovers.end("a run", tmp_path) == ["/bin/sleep 60"]
        assert not psutil.pid_exists(process.pid)
        assert leftovers.end("a run", tmp_path) == []


@pytest.mark.slow
async def test_parts_are_killed_and_all_is_well_in_the_end(installation: Installation, tmp_path: Path) -> None:
    files = await asyncio.to_thread(make, tmp_path / "cache", FFMPEG, print)
    client, report = Client(installation.api, random.Random(1), print), Report(1, 1, "filesystem")
    inspection = Inspection(installation, report, client.created, print)
    parts = {part.kind: part for part in installation.parts}
    try:
        accepted = [await client.upload(source, files[source]) for source in (LONG, VARIABLE, TEXT)]
        assert all(accepted)
        await _until_encoding(installation, LONG)
        pid = await parts["transcode worker"].kill()
        settings = installation.settings().temporal.model_copy(update={"address": installation.temporal_address})
        interrupted = await histories.interrupted(await connect(settings), pid)
        assert interrupted is not None and len({each.queue for each in interrupted}) == len(interrupted)
        for kind in ("PostgreSQL", "Temporal", "API", "pipeline worker"):
            await parts[kind].kill()
            await parts[kind].start()
        assert sum(relay.cut() for relay in installation.relays.values()) > 0
        await parts["transcode worker"].start()
        await inspection.settle(10)
        await inspection.judge([each for each in accepted if each])
        await inspection.ask_temporal()
        await inspection.find_orphans()
        assert report.findings == ["too few kills: 0 of 4"]  # nobody has counted them here
        assert (report.total("ready"), report.total("errored")) == (2, 1)
        await _is_found_out(installation, client, [each for each in accepted if each])
    finally:
        await inspection.close()
        await client.close()
    await installation.stop_gilfoyle()
    assert installation.strangers() == []


@pytest.mark.slow
async def test_what_is_stopped_by_hand_or_lost_with_temporals_memory_is_done_in_the_end(
    installation: Installation, tmp_path: Path
) -> None:
    files = await asyncio.to_thread(make, tmp_path / "cache", FFMPEG, print)
    client, report = Client(installation.api, random.Random(1), print), Report(1, 1, "filesystem")
    inspection = Inspection(installation, report, client.created, print)
    temporal = next(part for part in installation.parts if part.kind == "Temporal")
    try:
        accepted = [await client.upload(LONG, files[LONG])]
        await _until_encoding(installation, LONG)
        stopped = {await operating.stop(installation.temporal_address, "cancelled", 0.5)}
        copied = await asyncio.to_thread(memory.copy, installation.temporal_database)
        accepted.append(await client.upload(VARIABLE, files[VARIABLE]))
        await temporal.kill()
        await asyncio.to_thread(memory.put_back, copied, installation.temporal_database)
        accepted.append(await client.upload(TEXT, files[TEXT]))  # while Temporal is away
        await temporal.start()
        assert all(accepted)
        await inspection.settle(10)
        await inspection.judge([each for each in accepted if each])
        await inspection.ask_temporal(stopped)
        assert report.findings == ["too few kills: 0 of 4"]
        assert (report.total("ready"), report.total("errored"), report.retried) == (2, 1, 1)
    finally:
        await inspection.close()
        await client.close()


async def _is_found_out(installation: Installation, client: Client, accepted: list[Accepted]) -> None:
    """What is lost or left over by hand."""
    long, variable, _ = accepted
    (installation.disk.path / long.id / "1" / "90p" / "00003.m4s").unlink()
    (installation.disk.path / variable.id / "1" / "90p" / "00099.m4s").write_bytes(b"nobody's")
    report = Report(1, 1, "filesystem")
    inspection = Inspection(installation, report, client.created, print)
    try:
        await inspection.judge(accepted)
        await inspection.find_orphans()
    finally:
        await inspection.close()
    assert report.lost and all(long.id in sentence for sentence in report.lost)
    assert f"{variable.id}/1/90p/00099.m4s" in report.orphans
    assert not report.good


async def _until_encoding(installation: Installation, source: Source) -> None:
    async with httpx.AsyncClient(base_url=installation.api_itself, trust_env=False) as http, asyncio.timeout(60):
        while True:
            found = {str(media["title"]): media for media in await medias(http)}
            if found[source.name]["playable"]:
                return
            await asyncio.sleep(0.1)
