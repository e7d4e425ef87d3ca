"""Mono streams that are the channels of one audio track."""

from __future__ import annotations

from typing import Any

import pytest

from gilfoyle.media.channels import in_one
from gilfoyle.media.info import AudioInfo
from tests.unit.media.infos import audio


def mono(index: int, place: str = "mono", **more: Any) -> AudioInfo:
    """A track of one channel, the default one if it is the first."""
    layout = place if place == "mono" else f"1 channels ({place})"
    return audio(**{"index": index, "channels": 1, "layout": layout, "default": index == 1} | more)


def sides(*tracks: AudioInfo, container: str = "mov") -> list[list[tuple[int, float, float]]]:
    """Of each audio track that is left: its tracks, and how loud they are on the left and on the right."""
    return [[(track.index, track.left, track.right) for track in track.mono] for track in in_one(tracks, container)[0]]


L, R = (1.0, 0.0), (0.0, 1.0)
C, LFE, LS, RS = (0.707107, 0.707107), (0.5, 0.5), (0.707107, 0.0), (0.0, 0.707107)


@pytest.mark.parametrize(
    ("count", "heard"),
    [
        (2, [L, R]),
        (3, [L, R, C]),
        (4, [L, R, L, R]),
        (5, [L, R, L, R, C]),
        (6, [L, R, C, LFE, LS, RS]),
        (8, [L, R] * 4),
        (16, [L, R] * 8),
    ],
)
@pytest.mark.parametrize("container", ["mov", "mxf"])
def test_tracks_that_say_nothing_are_all_heard(container: str, count: int, heard: list[tuple[float, float]]) -> None:
    tracks = [mono(index) for index in range(1, count + 1)]
    (mixed,), warnings = in_one(tracks, container)
    assert [(track.left, track.right) for track in mixed.mono] == heard
    assert [track.index for track in mixed.mono] == list(range(1, count + 1))
    assert (mixed.index, mixed.channels, mixed.layout, mixed.default) == (1, 2, "stereo", True)
    assert [warning.code for warning in warnings] == (["tracks_mixed"] if count > 2 else [])
    assert all(f"{count} mono tracks" in warning.message for warning in warnings)


def test_tracks_that_say_where_they_are_heard_are_heard_there() -> None:
    """As Apple's programs write them, with a downmix beside: that is heard already."""
    places = ["FL", "FR", "mono", "LFE", "SL", "SR", "DL", "DR"]
    tracks = [mono(index, place) for index, place in enumerate(places, 1)]
    assert sides(*tracks) == [
        [(1, *L), (2, *R), (3, *C), (4, *LFE), (5, *LS), (6, *RS)], [], []
    ]  # fmt: skip
    assert in_one(tracks, "mov")[1] == []


def test_the_order_does_not_matter_where_they_say_it() -> None:
    assert sides(mono(1, "BR"), mono(2, "FR"), mono(3, "FL"), container="matroska") == [
        [(1, *RS), (2, *R), (3, *L)]
    ]  # fmt: skip


def test_a_downmix_alone_is_left_and_right() -> None:
    assert sides(mono(1, "DL"), mono(2, "DR")) == [[(1, *L), (2, *R)]]


@pytest.mark.parametrize(
    ("tracks", "container"),
    [
        ([mono(1), mono(2)], "matroska"),
        ([mono(1), mono(2, language="fr")], "mov"),
        ([mono(1), mono(2, "FR")], "mov"),
        ([mono(1), mono(2, sample_rate=44_100), mono(3, end=20)], "mxf"),
        ([audio(index=1), mono(2, default=False), mono(3)], "mxf"),
    ],
    ids=["nothing tells", "two languages", "no left one", "unlike", "beside a stereo track"],
)
def test_what_does_not_belong_together_stays_apart(tracks: list[AudioInfo], container: str) -> None:
    assert in_one(tracks, container) == (tracks, [])


def test_another_language_stays_apart_from_the_channels_of_the_first() -> None:
    tracks = [mono(1, language="de"), mono(2, language="de"), mono(3, language="fr"), mono(4, language="fr")]
    assert sides(*tracks) == [[(1, *L), (2, *R)], [], []]


def test_an_audio_track_of_tracks_lasts_as_long_as_the_longest() -> None:
    (mixed,), _ = in_one([mono(1, start=1), mono(2, start=0, end=60.25), mono(3)], "mxf")
    assert (mixed.start, mixed.end) == (0, 60.25)


def test_a_probe_that_was_kept_before_there_was_mono() -> None:
    kept = mono(1, channels=2).model_dump(exclude={"mono"}) | {"right": 4}
    assert [(each.index, each.left, each.right) for each in AudioInfo.model_validate(kept).mono] == [
        (1, *L), (4, *R)
    ]  # fmt: skip
