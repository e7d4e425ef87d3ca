"""The line that compares frames, and the largest difference."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from bench.quality import _ALIKE, Reference, command
from bench.results import Quality, summary
from tests.unit.bench.figures import pair


def filters(reference: Reference, *encodes: Path) -> str:
    line = command("ffmpeg", reference, encodes)
    return line[line.index("-filter_complex") + 1]


def test_frame_n_is_compared_with_frame_n_at_the_references_size() -> None:
    reference = Reference(Path("/f.mp4"), 1920, 1080, Fraction(30000, 1001))
    line = command("ffmpeg", reference, [Path("/a.mp4"), Path("/b.mp4")])
    assert [line[index + 1] for index, part in enumerate(line) if part == "-i"] == ["/f.mp4", "/a.mp4", "/b.mp4"]
    found = filters(reference, Path("/a.mp4"), Path("/b.mp4"))
    assert found.startswith(f"[0:v]settb=1001/30000,setpts=N,{_ALIKE},format=yuv420p,split=2[r0][r1];")
    assert f"[2:v]settb=1001/30000,setpts=N,{_ALIKE},scale=1920:1080:flags=bicubic,format=yuv420p[d1]" in found
    assert "[d1][r1]libvmaf=" in found


def test_a_reference_of_another_rate_is_brought_to_the_encodes() -> None:
    reference = Reference(Path("/f.mp4"), 640, 360, Fraction(30), same_rate=False)
    assert filters(reference, Path("/a.mp4")).startswith("[0:v]fps=30/1,settb=1/30,")


def test_the_delta_is_that_of_the_rendition_that_lost_most() -> None:
    found = Quality({"720p": 90.0, "360p": 70.5}, {"720p": 90.25, "360p": 70.25})
    assert found.delta == 0.25
    assert summary([pair()], found)["vmaf_delta"] == 0.25
    assert Quality({"720p": 91.0}, {"720p": 90.5}).delta == -0.5
