"""Which streams matter, of many: the film, not its preview, its cover or what can't be played."""

from __future__ import annotations

from typing import Any

import pytest

from gilfoyle.media.header import audio_streams, every_video_stream, video_stream
from tests.unit.media.probes import audio_json, found, video_json

THUMBNAILS = {"default": 1, "timed_thumbnails": 1}


@pytest.mark.parametrize(
    ("streams", "chosen"),
    [
        # A default frame that is tiny is a preview, as some cameras write it; one that is only smaller is meant.
        ([video_json(width=160, height=120), video_json(index=1, disposition={})], 1),
        ([video_json(width=1280, height=720), video_json(index=1, disposition={})], 0),
        ([video_json(width=960, height=540), video_json(index=1, disposition={})], 0),
        # A still before a film, as in an animated AVIF: the first of its streams is the video that stands for it.
        ([video_json(nb_frames="1"), video_json(index=1, nb_frames="10")], 1),
        ([video_json(nb_frames="1"), video_json(index=1, nb_frames="10", disposition={})], 1),
        ([video_json(nb_frames="1"), video_json(index=1, disposition={})], 1),
        ([video_json(nb_frames="1"), video_json(index=1, width=64, height=64, nb_frames="75")], 1),
        ([video_json(duration="0.080000"), video_json(index=1, duration="9.0", disposition={})], 1),
        ([video_json(duration="2.0"), video_json(index=1, duration="9.0", disposition={})], 0),
        ([video_json(duration=None, tags={"DURATION": "00:00:00.040000000"}), video_json(index=1, disposition={})], 1),
        ([video_json(duration="N/A", tags={"DURATION": "01:00:00.04"}), video_json(index=1, disposition={})], 0),
        ([video_json(duration="N/A"), video_json(index=1, disposition={})], 0),
        ([video_json(duration="N/A", tags={"DURATION": "soon"}), video_json(index=1, disposition={})], 0),
        # … but a still is better than nothing.
        ([video_json(nb_frames="1")], 0),
        ([video_json(nb_frames="1"), audio_json(index=1)], 0),
        ([video_json(disposition={"still_image": 1}), video_json(index=1)], 1),
        ([video_json(disposition=THUMBNAILS), video_json(index=1)], 1),
        ([video_json(disposition=THUMBNAILS), audio_json()], None),
        ([{"index": 0, "codec_type": "data", "codec_tag_string": "tmcd"}, video_json(index=1)], 1),
        ([video_json(width=0, height=0), video_json(index=1, disposition={})], 1),
    ],
)
def test_which_video_is_the_film(streams: list[dict[str, Any]], chosen: int | None) -> None:
    video = video_stream(found(*streams))
    assert (video and video["index"]) == chosen


@pytest.mark.parametrize("brand", ["M4A ", "M4B ", "M4P "])
def test_a_cover_written_as_a_track(brand: str) -> None:
    cover = video_json(codec_name="mjpeg", nb_frames="1")
    probe = found(cover, audio_json(), tags={"major_brand": brand})
    assert (every_video_stream(probe), [stream["index"] for stream in audio_streams(probe)]) == ([], [1])
    assert video_stream(found(video_json(), audio_json(), tags={"major_brand": brand}))
    assert video_stream(found(cover, audio_json(), tags={"major_brand": "isom"}))  # one frame under a song
    assert video_stream(found(cover, tags={"major_brand": brand}))
