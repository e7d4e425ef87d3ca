"""The sources: cached, long ones as copies, and room for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.room import check_room
from bench.source import kept, long_bytes, loop_command
from gilfoyle.errors import EncodeFailed, StorageError


def test_a_file_is_made_once(tmp_path: Path) -> None:
    calls: list[Path] = []

    def build(draft: Path) -> list[str]:
        calls.append(draft)
        return ["cp", "/dev/null", str(draft)]

    file = tmp_path / "cache" / "a.mp4"
    assert kept(file, build, lambda _: None) == kept(file, build, lambda _: None) == file
    assert len(calls) == 1 and calls[0] != file


def test_what_fails_leaves_nothing_that_would_be_taken_for_the_file(tmp_path: Path) -> None:
    with pytest.raises(EncodeFailed, match="ffmpeg could not make the source"):
        kept(tmp_path / "a.mp4", lambda draft: ["sh", "-c", f"echo half > {draft}; exit 1"], lambda _: None)
    assert [*tmp_path.iterdir()] == []


def test_a_long_film_is_a_copy() -> None:
    line = loop_command("ffmpeg", Path("minute.mp4"), 7200, Path("out.mp4"))
    assert line[line.index("-c") + 1] == "copy"
    assert line.index("-stream_loop") < line.index("-i")
    assert 4e9 < long_bytes(7200) < 5e9


def test_no_room_is_a_sentence(tmp_path: Path) -> None:
    check_room(1, tmp_path)
    with pytest.raises(StorageError, match=r"^This takes 1000000\.0 GB of disk, and .* GB left: make room, or .*\.$"):
        check_room(10**15, tmp_path)
