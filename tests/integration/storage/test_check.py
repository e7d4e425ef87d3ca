"""`gilfoyle.storage.check` against real stores: what is right passes, and each fault ends in what to do about it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gilfoyle.cli.commands.storage_check import prober
from gilfoyle.config import FilesystemSettings, IpfsSettings, S3Settings, Settings, StorageSettings
from gilfoyle.errors import StorageError
from gilfoyle.storage import FilesystemStorage, drivers
from gilfoyle.storage.base import ObjectInfo, Unfinished
from gilfoyle.storage.check import Outcome, Report, check
from gilfoyle.storage.check.results import Fault
from gilfoyle.storage.s3 import S3Storage
from tests import ranges
from tests.faulty import FaultyProxy
from tests.kubo_node import KuboNode, kubo_node
from tests.ranges import RangeServer
from tests.seaweed import Seaweed

NOBODY = 65534
SMALL_DISK = "size=8m"


def files_in(folder: Path) -> StorageSettings:
    return StorageSettings(filesystem=FilesystemSettings(path=folder))


def outcomes(report: Report) -> dict[str, Outcome]:
    return {result.step: result.outcome for result in report.results}


def note(report: Report, step: str) -> str:
    return next(result.note for result in report.results if result.step == step)


def fault(report: Report, step: str) -> str:
    """What is said of the step that failed."""
    assert not report.ok
    assert outcomes(report)[step] is Outcome.FAILED, report
    return note(report, step)


def failed(report: Report) -> list[str]:
    return [result.step for result in report.results if result.outcome is Outcome.FAILED]


def left(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.name != ".tmp"]


# Files


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


# A backend that is not what it should be


class Forgetful(FilesystemStorage):
    """The first content of each object is all that can be read."""

    async def write(self, key: str, data: bytes | AsyncIterator[bytes]) -> ObjectInfo:
        return await (self.stat(key) if (self._root / key).exists() else super().write(key, data))


class Late(FilesystemStorage):
    """Ranges begin a byte late."""

    def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        return super().stream(key, start + bool(start), end)


class Unordered(FilesystemStorage):
    """As some stores list."""

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        for item in reversed([item async for item in super().list(prefix)]):
            yield item


class Sticky(FilesystemStorage):
    """Deletes nothing, and says it did; or fails to."""

    async def delete(self, key: str) -> None:
        pass

    async def delete_prefix(self, prefix: str) -> int:
        raise StorageError("Deleting is not allowed.")


class Rude(FilesystemStorage):
    """Raises what no backend should."""

    async def stat(self, key: str) -> ObjectInfo:
        raise KeyError("at https://host/object?signature=abc")


@pytest.mark.parametrize(
    ("backend", "steps", "words"),
    [
        (Forgetful, ["overwrite"], "reads back as something else"),
        (Late, ["read ranges"], "Bytes 10 to 100009"),
        (Unordered, ["list"], "are listed as a0, a/z, a.b, a-b"),
        (Sticky, ["delete", "delete folder"], "can still be read"),
        (Rude, ["stat"], "KeyError"),
    ],
)
async def test_a_backend_that_breaks_its_word_is_found_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, backend: type[FilesystemStorage], steps: list[str], words: str
) -> None:
    monkeypatch.setitem(drivers._OURS, "broken", lambda settings: backend(settings.filesystem.path))
    report = await check(files_in(tmp_path / "media"), "broken")
    assert set(steps) <= set(failed(report))
    assert words in fault(report, steps[0])
    assert "signature=abc" not in str(report)


# What players are sent to


class Elsewhere(FilesystemStorage):
    """Players and ffmpeg get the files from a web server."""

    url = ""

    async def ffmpeg_input(self, key: str) -> str:
        return f"{self.url}/{key}?signature=abc"

    async def player_url(self, key: str) -> str | None:
        return f"{self.url}/{key}?signature=abc"


async def test_a_server_that_lets_no_other_site_in_gets_the_header_to_send(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "media").mkdir()
    with RangeServer(tmp_path / "media") as server:
        monkeypatch.setattr(Elsewhere, "url", server.url)
        monkeypatch.setitem(drivers._OURS, "elsewhere", lambda settings: Elsewhere(settings.filesystem.path))
        report = await check(files_in(tmp_path / "media"), "elsewhere", probe=prober(Settings()))
    assert failed(report) == ["player"]
    assert "`Access-Control-Allow-Origin: *`" in fault(report, "player")
    assert note(report, "ffmpeg input") == f"from {server.url}"
    assert "signature" not in str(report)


async def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with RangeServer(tmp_path) as server:
        pass
    monkeypatch.setattr(Elsewhere, "url", server.url)
    monkeypatch.setitem(drivers._OURS, "elsewhere", lambda settings: Elsewhere(settings.filesystem.path))
    report = await check(files_in(tmp_path / "media"), "elsewhere")
    assert failed(report) == ["ffmpeg input", "player"]
    assert f"{server.url} can't be fetched" in note(report, "player")
    assert "signature" not in str(report)


async def test_a_server_that_ignores_ranges_is_no_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    monkeypatch.setattr(ranges, "_RANGE", re.compile("no range"))
    with RangeServer(tmp_path / "media") as server:
        monkeypatch.setattr(Elsewhere, "url", server.url)
        monkeypatch.setitem(drivers._OURS, "elsewhere", lambda settings: Elsewhere(settings.filesystem.path))
        report = await check(files_in(tmp_path / "media"), "elsewhere", probe=prober(Settings()))
    assert "answers 200 to a Range header" in fault(report, "ffmpeg input")
    assert outcomes(report)["ffprobe"] is Outcome.SKIPPED


async def test_what_ffprobe_says_of_a_signed_url_is_kept_back(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear all, this is not a film. " * 99)
    with RangeServer(tmp_path) as server, pytest.raises(Fault) as caught:
        await prober(Settings())(f"{server.url}/letter?signature=abc")
    assert "Invalid data" in str(caught.value)

    async def probe(_source: str) -> None:
        raise caught.value

    report = await check(files_in(tmp_path / "media"), probe=probe)
    assert "/letter?***" in fault(report, "ffprobe")
    assert "abc" not in str(report)


# S3


def s3(settings: S3Settings, **changes: Any) -> StorageSettings:
    return StorageSettings(driver="s3", s3=settings.model_copy(update=changes))


@pytest.mark.parametrize("serve", ["proxy", "redirect"])
async def test_a_bucket_passes_every_step_and_stays_empty(
    s3_service: Seaweed, s3_settings: S3Settings, serve: str
) -> None:
    report = await check(s3(s3_settings, serve=serve), probe=prober(Settings()))
    assert report.ok
    assert {*outcomes(report).values()} == {Outcome.OK}, report
    assert s3_service.client().list_objects_v2(Bucket=s3_service.bucket, Prefix=s3_settings.prefix)["KeyCount"] == 0
    assert note(report, "write large").startswith("6.3 MB at")  # a part of 5 MiB, and one more
    for secret in (s3_settings.secret_access_key, "X-Amz-Signature"):
        assert secret not in str(report)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"secret_access_key": "wrong-secret"}, "storage.s3.secret_access_key"),
        ({"access_key_id": "stranger"}, "storage.s3.access_key_id"),
        ({"bucket": "nothing"}, "there is no bucket nothing"),
        ({"bucket": ""}, "storage.s3.bucket is empty"),
    ],
)
async def test_wrong_s3_settings_are_named(s3_settings: S3Settings, changes: dict[str, str], words: str) -> None:
    report = await check(s3(s3_settings, **changes))
    assert words in fault(report, "open")
    assert failed(report) == ["open"]
    assert "wrong-secret" not in str(report)


@pytest.mark.parametrize("mode", ["hang", "drop"])
async def test_a_service_that_can_not_be_reached_is_told_within_seconds(
    s3_service: Seaweed, s3_settings: S3Settings, mode: str
) -> None:
    with FaultyProxy(s3_service.host, s3_service.port) as proxy:
        getattr(proxy, mode)()
        settings = s3(s3_settings, endpoint=proxy.url, timeout_s=300, patience_s=300)
        report = await asyncio.wait_for(check(settings), 60)
    assert f"127.0.0.1:{proxy.port}" in fault(report, "open")


async def test_a_bucket_without_cors_gets_the_rule_to_set(s3_service: Seaweed, s3_settings: S3Settings) -> None:
    client, bucket = s3_service.client(), "strict"
    client.create_bucket(Bucket=bucket)
    strict = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://example.com"]}
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [strict]})
    redirecting = s3(s3_settings, bucket=bucket, serve="redirect")
    report = await check(redirecting)
    assert failed(report) == ["player"]
    assert "browsers hide" in fault(report, "player")  # `null` is not `https://example.com`
    assert f"put-bucket-cors --bucket {bucket}" in note(report, "player")

    # And that rule is right.
    rule = note(report, "player").split("--cors-configuration '")[1].split("'")[0]
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration=json.loads(rule))
    assert (await check(redirecting)).ok


class Blind(S3Storage):
    """As services are that list no uploads."""

    async def unfinished(self) -> AsyncIterator[Unfinished]:
        for write in ():
            yield write


class Refusing(S3Storage):
    async def unfinished(self) -> AsyncIterator[Unfinished]:
        raise StorageError("Unfinished uploads can't be listed: denied.")
        yield


@pytest.mark.parametrize("backend", [Blind, Refusing])
async def test_uploads_that_can_not_be_listed_are_a_warning(
    monkeypatch: pytest.MonkeyPatch, s3_settings: S3Settings, backend: type[S3Storage]
) -> None:
    monkeypatch.setitem(drivers._OURS, "s3", lambda settings: backend(settings.s3))
    report = await check(s3(s3_settings))
    assert report.ok
    assert outcomes(report)["unfinished writes"] is Outcome.WARNING
    assert "lifecycle rule" in note(report, "unfinished writes")


async def test_a_public_address_that_is_closed_is_named(s3_service: Seaweed, s3_settings: S3Settings) -> None:
    address = f"{s3_service.endpoint}/{s3_service.bucket}/{s3_settings.prefix}"
    report = await check(s3(s3_settings, serve="redirect", public_url=address))
    assert failed(report) == ["player"]
    assert "storage.s3.public_url" in fault(report, "player")


# IPFS


@pytest.fixture(scope="module")
def node() -> Iterator[KuboNode]:
    with kubo_node() as running:
        yield running


def ipfs(node: KuboNode, **changes: str) -> StorageSettings:
    return StorageSettings(driver="ipfs", ipfs=IpfsSettings(**{"api": node.api, "gateway": node.gateway, **changes}))


async def test_a_kubo_node_passes_every_step(node: KuboNode) -> None:
    report = await check(ipfs(node, public_gateway=node.gateway), probe=prober(Settings()))
    assert report.ok
    assert {*outcomes(report).values()} == {Outcome.OK}, report
    assert note(report, "gateway").startswith("bafy")
    assert note(report, "gateway") not in node.run("pin", "ls", "--type=recursive")
    assert node.run("files", "ls", "/gilfoyle") == ""


async def test_a_gateway_that_is_another_is_named(node: KuboNode, tmp_path: Path) -> None:
    with RangeServer(tmp_path) as other:
        report = await check(ipfs(node, gateway=other.url))
    assert failed(report) == ["ffmpeg input", "gateway"]
    assert "storage.ipfs.gateway belongs to the node" in fault(report, "gateway")


async def test_an_api_that_is_not_there_is_named(node: KuboNode) -> None:
    report = await check(ipfs(node, api="http://127.0.0.1:9"))
    assert "is the daemon running" in fault(report, "open")
    assert outcomes(report)["pin"] is Outcome.SKIPPED
