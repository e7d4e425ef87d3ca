"""Streams that can't be played: how they are told, and what is said of a file of which something plays."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gilfoyle.media.header import audio_streams, every_audio_stream, every_video_stream, video_stream
from gilfoyle.media.unplayable import (
    MARK,
    decodable,
    encrypted_streams,
    marked,
    omissions,
    undecodable_streams,
)
from tests.unit.media.probes import audio_json, found, video_json

DECODERS = {"h264", "aac", "png"}
LISTING = """Codecs:
 D..... = Decoding supported
 .E.... = Encoding supported
 -------
 D.VI.S 012v                 Uncompressed 4:2:2 10-bit
 .EVIL. a64_multi            Multicolor charset for Commodore 64 (encoders: a64multi)
 ..A.L. ac4                  AC-4
 DEV.LS h264                 H.264 / AVC (decoders: h264 libopenh264) (encoders: libx264)
"""


def test_what_can_be_decoded() -> None:
    assert decodable(LISTING) == {"012v", "h264"}


@pytest.mark.parametrize(
    ("streams", "tags", "encrypted"),
    [
        ([video_json(), audio_json()], {}, set()),
        ([video_json(codec_name="unknown", codec_tag_string="encv"), audio_json()], {}, {0}),
        ([video_json(), audio_json(codec_tag_string="enca")], {}, {1}),
        ([video_json(codec_name="unknown", codec_tag_string="drmi"), audio_json(codec_tag_string="drms")], {}, {0, 1}),
        ([audio_json(codec_tag_string="aavd")], {}, {1}),
        ([video_json(codec_name="vp8", tags={"enc_key_id": "p+YcNz4hkDPCEJH6YHvzuA=="}), audio_json()], {}, {0}),
        ([video_json(codec_name="wmv3"), audio_json()], {"ASF_Protection_Type": "DRM"}, {0, 1}),
        ([video_json(codec_name="wmv3"), audio_json()], {"encryption": "ASF Extended Content Encryption"}, {0, 1}),
    ],
)
def test_what_a_header_says_is_encrypted(streams: list[Any], tags: dict[str, str], encrypted: set[int]) -> None:
    assert encrypted_streams(found(*streams, tags=tags)) == encrypted


def test_what_is_marked_is_passed_over() -> None:
    probe = found(
        video_json(), video_json(index=1, disposition={}), audio_json(index=2), audio_json(index=3, codec_name="ac4")
    )
    assert undecodable_streams(probe, DECODERS) == {3}
    chosen = marked(marked(probe, "encrypted", {0}), "no_decoder", {0, 3})
    assert [stream.get(MARK) for stream in chosen["streams"]] == ["encrypted", None, None, "no_decoder"]
    video = video_stream(chosen)
    assert video and video["index"] == 1
    assert [stream["index"] for stream in audio_streams(chosen)] == [2]


@pytest.mark.parametrize(
    ("streams", "encrypted", "code", "text"),
    [
        ([video_json(), audio_json()], {}, None, ""),
        ([video_json()], {}, None, ""),
        ([audio_json()], {}, None, ""),
        ([video_json(), audio_json(codec_name="ac4")], {}, "audio_undecodable", "without its sound, .*ac4"),
        ([video_json(), audio_json(codec_name="unknown", codec_tag_string="apac")], {}, "audio_undecodable", "apac"),
        ([video_json(), audio_json(channels=0)], {}, "audio_undecodable", "holds nothing"),
        # One that can be heard is enough.
        ([video_json(), audio_json(codec_name="ac4"), audio_json(index=2)], {}, None, ""),
        ([video_json(codec_name="evc"), audio_json()], {}, "video_undecodable", "Only the sound .*evc"),
        ([video_json(codec_name="evc"), video_json(index=2), audio_json()], {}, None, ""),
        # A cover in a format that nobody knows is not missed.
        ([video_json(codec_name="jxs", disposition={"attached_pic": 1}), audio_json()], {}, None, ""),
        ([video_json(), audio_json()], {0}, "partly_protected", "Only the sound"),
        ([video_json(), audio_json()], {1}, "partly_protected", "without its sound"),
        ([video_json(), audio_json(), audio_json(index=2)], {2}, "partly_protected", "One of the file's tracks"),
    ],
)
def test_what_is_missing_is_said(streams: list[Any], encrypted: set[int], code: str | None, text: str) -> None:
    probe = marked(found(*streams), "encrypted", encrypted)
    probe = marked(probe, "no_decoder", undecodable_streams(probe, DECODERS))
    plays = {"has_video": video_stream(probe) is not None, "has_audio": bool(audio_streams(probe))}
    said = omissions(every_video_stream(probe), every_audio_stream(probe), **plays)
    assert [warning.code for warning in said] == ([code] if code else [])
    assert all(re.search(text, warning.message) and warning.message.endswith(".") for warning in said)
