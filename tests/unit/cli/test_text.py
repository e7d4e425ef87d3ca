"""Medias as text."""

from __future__ import annotations

from typing import Any

import pytest

from gilfoyle.cli import text


@pytest.mark.parametrize(
    ("count", "shown"),
    [(None, "-"), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (3_400_000, "3.4 MB"), (2 * 10**15, "2000.0 TB")],
)
def test_sizes(count: int | None, shown: str) -> None:
    assert text.human_bytes(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, "-"), (0.2, "0:00"), (59.6, "1:00"), (62, "1:02"), (3723, "1:02:03")]
)
def test_lengths(seconds: float | None, shown: str) -> None:
    assert text.human_time(seconds) == shown


def test_a_list_has_aligned_columns_and_ends_with_the_title(samples: Any) -> None:
    lines = list(text.table([samples.media("Ready", title="Long title, with spaces"), samples.media()]))
    assert lines[0].split() == ["ID", "STATUS", "DONE", "PLAY", "LENGTH", "SIZE", "TITLE"]
    assert lines[1].endswith("3.4 MB  Long title, with spaces")
    assert lines[1].index("Long") == lines[2].index("Film")


def test_details_name_what_is_known_and_nothing_else(samples: Any) -> None:
    failed = samples.media("Errored", error={"code": "no_streams", "message": "It holds no video."})
    lines = list(text.details(failed))
    assert "error       It holds no video. (no_streams)" in lines
    assert not any(line.startswith(("play", "sha256", "description")) for line in lines)


def test_details_show_each_rendition(samples: Any) -> None:
    audio = samples.rendition("audio-128k", width=None, height=None, channels=2, average_bandwidth=None)
    lines = list(text.details(samples.media(renditions=[samples.rendition(), audio], stream_url="http://h/m.m3u8")))
    assert lines[-2].split() == ["360p", "Encoding", "640×360", "1/4", "segments", "1.5", "MB", "600", "kbit/s"]
    assert lines[-1].split() == ["audio-128k", "Encoding", "2", "ch", "1/4", "segments", "1.5", "MB", "-"]


def test_a_title_can_not_steer_the_terminal(samples: Any) -> None:
    lines = [*text.table([samples.media(title="a\x1b[2Jb\nc")]), *text.details(samples.media(title="\x1b[2J"))]
    assert not any("\x1b" in line or "\n" in line for line in lines)


def test_details_name_what_it_lacks(samples: Any) -> None:
    lacking = samples.media("Ready", warnings=[{"code": "audio_failed", "message": "It is\x1b mute."}])
    assert "warning     It is� mute. (audio_failed)" in list(text.details(lacking))


def test_what_steers_a_terminal_is_shown_as_unknown_and_other_scripts_as_they_are() -> None:
    assert text.clean("a\x1b[31m\n\u2028\u202e\ud800\x9bb") == "a\ufffd[31m\ufffd\ufffd\ufffd\ufffd\ufffdb"
    kept = "3.44\u202fPM \u3000\u00a0 نمی\u200cخواهم 👨\u200d👩\u200d👧 ❤\ufe0f"
    assert text.clean(kept) == kept


def test_what_replaces_a_media_is_told(samples: Any) -> None:
    made = {"version": 3, "status": "Processing", "progress": 0.5, "error": None}
    lines = list(text.details(samples.media(version=2, replacement=made)))
    assert "version     2" in lines
    assert "replacement version 3, Processing: 50% done" in lines
    failed = made | {"status": "Errored", "error": {"code": "no_streams", "message": "It is empty."}}
    lines = list(text.details(samples.media(replacement=failed)))
    assert "replacement version 3, Errored: It is empty. (no_streams)" in lines
    assert not any(line.startswith("version ") for line in lines)
