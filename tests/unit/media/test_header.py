"""Which streams matter, of many: the film, not its preview, its cover or what can't be played."""

from __future__ import annotations

from typing import Any

import pytest

from gilfoyle.media.header import audio_streams, pictures, video_stream
from tests.unit.media.probes import found, picture, sound

THUMBNAILS = {"default": 1, "timed_thumbnails": 1}


@pytest.mark.parametrize(
    ("streams", "chosen"),
    [
        # A default picture that is tiny is a preview, as some cameras write it; one that is only smaller is meant.
        ([picture(width=160, height=120), picture(index=1, disposition={})], 1),
        ([picture(width=1280, height=720), picture(index=1, disposition={})], 0),
        ([picture(width=960, height=540), picture(index=1, disposition={})], 0),
        # A still before a film, as in an animated AVIF: the first of its streams is the picture that stands for it.
        ([picture(nb_frames="1"), picture(index=1, nb_frames="10")], 1),
        ([picture(nb_frames="1"), picture(index=1, nb_frames="10", disposition={})], 1),
        ([picture(nb_frames="1"), picture(index=1, disposition={})], 1),
        ([picture(nb_frames="1"), picture(index=1, width=64, height=64, nb_frames="75")], 1),
        ([picture(duration="0.080000"), picture(index=1, duration="9.0", disposition={})], 1),
        ([picture(duration="2.0"), picture(index=1, duration="9.0", disposition={})], 0),
        ([picture(duration=None, tags={"DURATION": "00:00:00.040000000"}), picture(index=1, disposition={})], 1),
        ([picture(duration="N/A", tags={"DURATION": "01:00:00.04"}), picture(index=1, disposition={})], 0),
        ([picture(duration="N/A"), picture(index=1, disposition={})], 0),
        ([picture(duration="N/A", tags={"DURATION": "soon"}), picture(index=1, disposition={})], 0),
        # … but a still is better than nothing.
        ([picture(nb_frames="1")], 0),
        ([picture(nb_frames="1"), sound(index=1)], 0),
        ([picture(disposition={"still_image": 1}), picture(index=1)], 1),
        ([picture(disposition=THUMBNAILS), picture(index=1)], 1),
        ([picture(disposition=THUMBNAILS), sound()], None),
        ([{"index": 0, "codec_type": "data", "codec_tag_string": "tmcd"}, picture(index=1)], 1),
        ([picture(width=0, height=0), picture(index=1, disposition={})], 1),
    ],
)
def test_which_picture_is_the_film(streams: list[dict[str, Any]], chosen: int | None) -> None:
    video = video_stream(found(*streams))
    assert (video and video["index"]) == chosen


@pytest.mark.parametrize("brand", ["M4A ", "M4B ", "M4P "])
def test_a_cover_written_as_a_track(brand: str) -> None:
    cover = picture(codec_name="mjpeg", nb_frames="1")
    probe = found(cover, sound(), tags={"major_brand": brand})
    assert (pictures(probe), [stream["index"] for stream in audio_streams(probe)]) == ([], [1])
    assert video_stream(found(picture(), sound(), tags={"major_brand": brand}))
    assert video_stream(found(cover, sound(), tags={"major_brand": "isom"}))  # one picture under a song
    assert video_stream(found(cover, tags={"major_brand": brand}))
