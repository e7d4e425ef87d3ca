"""Both sides' frames against the source, rendition by rendition."""

from __future__ import annotations

from pathlib import Path

from bench.quality import Reference, vmaf
from bench.results import Quality
from bench.subject import Subject


def compare(ffmpeg: str, subject: Subject, ours: Path, by_hand: Path) -> Quality:
    """`ours` and `by_hand`: folders with `{rendition}.mp4`. Raises EncodeFailed."""
    video = subject.info.video
    assert video is not None  # `examine` refuses a file without video
    grid = subject.plan.grid
    reference = Reference(subject.source, video.width, video.height, grid.rate, same_rate=video.frame_rate == grid.rate)
    scores = {
        rendition.name: vmaf(ffmpeg, reference, [side / f"{rendition.name}.mp4" for side in (ours, by_hand)])
        for rendition in subject.plan.video
    }
    return Quality(
        pipeline={name: score[0] for name, score in scores.items()},
        handwritten={name: score[1] for name, score in scores.items()},
    )


def join(folder: Path, subject: Subject, into: Path) -> None:
    """Of an HLS folder as the hand-written command makes it: each rendition's init and segments as one file."""
    into.mkdir(parents=True, exist_ok=True)
    for rendition in subject.plan.video:
        place = folder / rendition.name
        parts = [*place.glob("init*.mp4"), *sorted(place.glob("*.m4s"))]
        (into / f"{rendition.name}.mp4").write_bytes(b"".join(part.read_bytes() for part in parts))
