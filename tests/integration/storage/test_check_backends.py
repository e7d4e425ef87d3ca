"""`gilfoyle.storage.check` on backends that are not what they should be, and on what they send players to."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gilfoyle.cli.commands.storage_check import prober
from gilfoyle.config import Settings
from gilfoyle.errors import StorageError
from gilfoyle.storage import FilesystemStorage, drivers
from gilfoyle.storage.base import ObjectInfo
from gilfoyle.storage.check import Outcome, check
from gilfoyle.storage.check.results import CheckFailed
from tests import ranges
from tests.integration.storage.checking import failed, fault, files_in, note, outcomes
from tests.ranges import RangeServer


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


class Elsewhere(FilesystemStorage):
    """Players and browsers get the files from a web server."""

    url = ""

    async def download_url(self, key: str, disposition: str, media_type: str) -> str | None:
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
    assert note(report, "download") == f"from {server.url}"
    assert "signature" not in str(report)


async def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with RangeServer(tmp_path) as server:
        pass
    monkeypatch.setattr(Elsewhere, "url", server.url)
    monkeypatch.setitem(drivers._OURS, "elsewhere", lambda settings: Elsewhere(settings.filesystem.path))
    report = await check(files_in(tmp_path / "media"), "elsewhere")
    assert failed(report) == ["download", "player"]
    assert f"{server.url} can't be fetched" in note(report, "player")
    assert "signature" not in str(report)


async def test_a_server_that_ignores_ranges(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    monkeypatch.setattr(ranges, "_RANGE", re.compile("no range"))
    with RangeServer(tmp_path / "media") as server:
        monkeypatch.setattr(Elsewhere, "url", server.url)
        monkeypatch.setitem(drivers._OURS, "elsewhere", lambda settings: Elsewhere(settings.filesystem.path))
        report = await check(files_in(tmp_path / "media"), "elsewhere", probe=prober(Settings()))
    assert "answers 200 to a Range header" in fault(report, "download")


class Counted(FilesystemStorage):
    """It has no files that ffmpeg could open."""

    async def path(self, key: str) -> Path:
        await self.stat(key)
        return None  # type: ignore[return-value]


async def test_what_is_no_file_is_read_for_ffprobe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(drivers._OURS, "counted", lambda settings: Counted(settings.filesystem.path))
    report = await check(files_in(tmp_path / "media"), "counted", probe=prober(Settings()))
    assert report.ok and outcomes(report)["ffprobe"] is Outcome.OK
    assert note(report, "ffmpeg input") == "its worker reads for it"


@pytest.mark.parametrize("backend", [FilesystemStorage, Counted])
async def test_what_ffprobe_says_names_no_place(backend: type[FilesystemStorage], tmp_path: Path) -> None:
    storage = backend(tmp_path / "media")
    await storage.write("m/letter", b"Dear all, this is not a film. " * 99)
    with pytest.raises(CheckFailed) as caught:
        await prober(Settings())(storage, "m/letter")
    assert str(caught.value) == "ffprobe can't read the source: Invalid data found when processing input"
