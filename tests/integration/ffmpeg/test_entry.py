"""Where a source is entered: what a slow or broken look comes to. That the place is right, test_frames.py tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from gilfoyle.errors import EncodeFailed
from gilfoyle.ffmpeg import entry as module
from gilfoyle.ffmpeg import sandbox
from gilfoyle.ffmpeg.entry import entry
from gilfoyle.ffmpeg.source import Source
from gilfoyle.media.ffmpeg import seek_target
from tests.integration.activities.pipeline import Pipeline
from tests.sources import FFPROBE


def program(folder: Path, lines: str) -> str:
    """What is run in place of ffprobe."""
    file = folder / "ffprobe"
    file.write_text(f"#!/bin/sh\n{lines}\n")
    file.chmod(0o755)
    return str(file)


async def test_whoever_waits_for_it_is_heard_of(
    lowest: Pipeline, ordinary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is silent is taken for dead, and a storage may take minutes."""
    monkeypatch.setattr(module, "_WAIT_S", 0.05)
    monkeypatch.setattr(sandbox, "_besides", [str(Path(FFPROBE).parent)])
    await lowest.probe(ordinary)
    heard: list[int] = []
    slow = program(tmp_path, f'sleep 1\nexec {FFPROBE} "$@"')
    at = await entry(
        slow,
        Source(str(ordinary)),
        lowest.info,
        lowest.plan,
        5,
        timeout_s=20,
        memory_mb=4096,
        on_wait=lambda: heard.append(1),
    )
    assert at is not None and at <= seek_target(lowest.plan, 5)
    assert len(heard) >= 3
    assert await entry(slow, Source(str(ordinary)), lowest.info, lowest.plan, 0, timeout_s=20, memory_mb=4096) is None


@pytest.mark.parametrize(
    ("lines", "reason"), [("echo no such thing >&2; exit 1", "no such"), ("exec sleep 9", "within 1 s")]
)
async def test_a_look_that_fails_says_why(
    lines: str, reason: str, lowest: Pipeline, ordinary: Path, tmp_path: Path
) -> None:
    await lowest.probe(ordinary)
    with pytest.raises(EncodeFailed) as failed:
        await entry(
            program(tmp_path, lines), Source(str(ordinary)), lowest.info, lowest.plan, 5, timeout_s=1, memory_mb=4096
        )
    assert reason in f"{failed.value.message} {failed.value.log}"
