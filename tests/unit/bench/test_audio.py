"""The table of offsets: which files there are, and how what was heard in them is told."""

from __future__ import annotations

import pytest
from rich.console import Console

from bench.audio.report import table
from bench.audio.results import Heard, offsets, summary
from bench.audio.sources import CONTAINERS, RATES, codec
from bench.machine import Machine

MACHINE = Machine(cores=2, system="Linux", ffmpeg="9.0", slots=1, threads=2)


def test_each_container_holds_most_rates_and_says_which_not() -> None:
    held = {container: [rate for rate in RATES if codec(container, rate)] for container in CONTAINERS}
    assert all(held[container] == list(RATES) for container in ("mp4", "mov", "mkv", "avi", "flac", "m4a"))
    assert held["mp3"] == [rate for rate in RATES if rate <= 48_000]
    assert held["ts"] == [rate for rate in RATES if rate <= 96_000]


def test_offsets_beep_by_beep_without_the_first() -> None:
    assert offsets([0.0, 1.0, 2.0], [0.02, 1.001, 1.998]) == ([1.0, -2.0], "")
    assert offsets([0.0, 1.0], [0.0]) == ([], "1 beeps, not 2")


def test_the_worst_of_all_renditions_counts() -> None:
    heard = Heard("mp4", 44_100, 6)
    heard.take(([1.0, -2.0], ""))
    heard.take(([0.5, 1.5], ""))
    assert (heard.worst_ms, heard.beeps, heard.good) == (-2.0, 2, True)
    heard.take(([11.0], ""))
    assert not heard.good
    assert not Heard("mp4", 44_100, 6).good


def test_the_table_and_the_summary() -> None:
    good, bad, lost = Heard("mp4", 8000, 6, 1.25, 5), Heard("mp4", 8000, 1200, -310.0, 1199), Heard("ts", 8000, 6)
    lost.fault = "3 beeps, not 6"
    console = Console(width=120, record=True)
    console.print(table([good, bad, lost], MACHINE))
    text = console.export_text()
    assert "1.2 / -310.0" in text
    assert "? / –" in text
    assert summary([good, bad, lost]) == {
        "worst_offset_ms": -310.0, "worst_file": "mp4 8000 1200s", "measured": 2, "beyond_aim": 2,
    }  # fmt: skip


@pytest.mark.parametrize(("container", "rate"), [("mp3", 96_000), ("ts", 192_000)])
def test_what_no_codec_can_hold_is_left_out(container: str, rate: int) -> None:
    assert codec(container, rate) is None
