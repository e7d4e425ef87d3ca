"""The filter graphs of audio."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from gilfoyle.media.audio import graphs, speakers
from gilfoyle.media.info import Channel
from tests.unit.media.infos import audio


def first(**known: Any) -> str:
    """The first graph of an audio track that begins with the media."""
    return graphs(audio(**known), 2, Fraction(0), 0, 48_000)[0]


def test_what_counts_from_a_beginning_is_behind_what_changes() -> None:
    """ffmpeg builds the first graph anew at a change; in the second one it sees none."""
    changing, steady = graphs(audio(index=3), 2, Fraction(3, 2), 96_000, 48_000)
    assert changing == (
        "[0:3]asetpts=PTS-(1.500000)/TB,aresample=48000,aformat=sample_fmts=fltp:channel_layouts=stereo,apad[heard]"
    )
    assert steady == (
        "[heard]aresample=48000:async=1:first_pts=96000:min_hard_comp=0.100,atrim=end_sample=48000[audio]"
    )


@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1(side)", "7.1.4", "22.2"])
def test_a_layout_that_ffmpeg_knows_is_mixed_by_it(layout: str) -> None:
    assert "pan" not in first(layout=layout, channels=24)


@pytest.mark.parametrize("channels", [1, 2, 6, 8])
def test_a_usual_number_of_channels_without_a_layout_has_the_usual_one(channels: int) -> None:
    assert "pan" not in graphs(audio(channels=channels), 2, Fraction(0), 0, 1)[0]


@pytest.mark.parametrize("layout", [None, "9 channels (FL+FR+FC+LFE+BL+BR+SL+SR+BC)"])
def test_of_unknown_channels_each_is_as_loud_as_the_others(layout: str | None) -> None:
    built = graphs(audio(channels=9, layout=layout), 1, Fraction(0), 0, 1)[0]
    assert "pan=mono|c0=" + "+".join(f"0.111111*c{n}" for n in range(9)) in built


@pytest.mark.parametrize("layout", ["ambisonic 1", "ambisonic 3"])
def test_of_ambisonics_w_is_heard_on_both_sides(layout: str) -> None:
    assert "pan=stereo|c0=c0|c1=c0," in graphs(audio(channels=4, layout=layout), 2, Fraction(0), 0, 1)[0]


def test_two_mono_streams_are_the_sides_of_one_audio_track() -> None:
    sides = [Channel(index=1, left=1, right=0), Channel(index=2, left=0, right=1)]
    left, right, mixed = graphs(audio(index=1, mono=sides, channels=2), 2, Fraction(0), 0, 480)
    assert left.startswith("[0:1]") and left.endswith("channel_layouts=mono,apad[heard-0]")
    assert right.startswith("[0:2]") and right.endswith("channel_layouts=mono,apad[heard-1]")
    assert mixed.endswith("[track-0][track-1]amerge=inputs=2,pan=stereo|c0=1*c0|c1=1*c1[audio]")


def test_what_may_be_too_loud_together_is_limited() -> None:
    tracks = [
        Channel(index=1, left=1, right=0),
        Channel(index=2, left=0, right=1),
        Channel(index=5, left=0.707107, right=0.707107),
    ]
    mixed = graphs(audio(index=1, mono=tracks, channels=2), 2, Fraction(0), 0, 480)[-1]
    assert mixed.endswith(
        "amerge=inputs=3,pan=stereo|c0=1*c0+0.707107*c2|c1=1*c1+0.707107*c2,alimiter=level=0:latency=1[audio]"
    )


@pytest.mark.parametrize(
    ("layout", "channels", "found"),
    [
        ("mono", 1, 1),
        ("stereo", 2, 2),
        ("5.0", 5, 5),
        ("5.1(side)", 6, 6),
        ("7.1", 8, 8),
        (None, 6, 6),
        (None, 20, 2),
        ("20 channels", 20, 2),
        ("ambisonic 2", 9, 2),
        ("ambisonic 0", 1, 1),
    ],
)
def test_5_1_is_made_only_of_what_has_its_places(layout: str | None, channels: int, found: int) -> None:
    assert speakers(audio(layout=layout, channels=channels)) == found


def tracks_at(*positions: str) -> Any:
    """An audio track of mono tracks that stand there."""
    mono = [Channel(index=number, left=1, right=0, position=name) for number, name in enumerate(positions, 1)]
    return audio(index=1, mono=mono, channels=2, layout="stereo")


@pytest.mark.parametrize(
    ("positions", "found"),
    [
        (("FL", "FR"), 2),
        (("FL", "FR", "FL", "FR", "FL", "FR"), 2),
        (("FL", "FR", "FC", "LFE", "SL", "SR"), 6),
        (("LFE", "FR", "BL", "FL", "BR", "FC"), 6),
        (("", "", "", "", "", ""), 2),
    ],
)
def test_mono_tracks_are_5_1_if_each_of_its_places_is_there(positions: tuple[str, ...], found: int) -> None:
    assert speakers(tracks_at(*positions)) == found


def test_each_mono_track_is_heard_from_its_place() -> None:
    placed = graphs(tracks_at("FR", "FL", "LFE", "FC", "SR", "SL"), 6, Fraction(0), 0, 480)[-1]
    assert placed.endswith("amerge=inputs=6,pan=5.1|FL=c1|FR=c0|FC=c3|LFE=c2|BL=c5|BR=c4[audio]")
