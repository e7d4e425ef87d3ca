from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from bench.results import Pair, PipelineRun, Run
from bench.subject import Subject
from gilfoyle.media.plan import make_plan
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.media.probe import AudioInfo, MediaInfo, VideoInfo


@pytest.fixture
def info() -> MediaInfo:
    """720p30, stereo."""
    zero, end = Fraction(0), Fraction(12)
    return MediaInfo(
        container="mov",
        exact_seek=True,
        start=zero,
        bit_rate=25_000_000,
        video=VideoInfo(
            index=0,
            codec="h264",
            pixel_format="yuv420p",
            width=1280,
            height=720,
            average_rate=Fraction(30),
            variable=False,
            start=zero,
            end=end,
            interlaced=False,
            hdr=False,
            rotation=0,
        ),
        audio=[
            AudioInfo(
                index=1,
                codec="aac",
                channels=2,
                sample_rate=48000,
                start=zero,
                end=end,
                language=None,
                default=True,
            )
        ],
    )


@pytest.fixture
def subject(info: MediaInfo) -> Subject:
    return Subject(Path("/films/a.mp4"), info, make_plan(info, EncodingPolicy()))


def pair(
    cpu: tuple[float | None, float | None] = (115, 100),
    wall: tuple[float, float] = (60, 50),
    size: tuple[int, int] = (102, 100),
    first_play_s: float = 2,
) -> Pair:
    """A pair of runs; each figure as (pipeline, by hand)."""
    ours = PipelineRun(
        cpu_s=cpu[0],
        wall_s=wall[0],
        segment_bytes={"720p": size[0] - 2, "audio-128k": 2},
        first_play_s=first_play_s,
        upload_s=0.5,
        servers_cpu_s={"API": 1.25, "Temporal": 2.0},
    )
    return Pair(ours, Run(cpu_s=cpu[1], wall_s=wall[1], segment_bytes={"720p": size[1]}))
