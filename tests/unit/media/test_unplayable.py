"""Streams that can't be played: how they are told, and what is said of a file of which something plays."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gilfoyle.media.header import audio_streams, pictures, sounds, video_stream
from gilfoyle.media.unplayable import (
    MARK,
    decodable,
    encrypted_streams,
    marked,
    omissions,
    undecodable_streams,
)
from tests.unit.media.probes import found, picture, sound

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
        ([picture(), sound()], {}, set()),
        ([picture(codec_name="unknown", codec_tag_string="encv"), sound()], {}, {0}),
        ([picture(), sound(codec_tag_string="enca")], {}, {1}),
        ([picture(codec_name="unknown", codec_tag_string="drmi"), sound(codec_tag_string="drms")], {}, {0, 1}),
        ([sound(codec_tag_string="aavd")], {}, {1}),
        ([picture(codec_name="vp8", tags={"enc_key_id": "p+YcNz4hkDPCEJH6YHvzuA=="}), sound()], {}, {0}),
        ([picture(codec_name="wmv3"), sound()], {"ASF_Protection_Type": "DRM"}, {0, 1}),
        ([picture(codec_name="wmv3"), sound()], {"encryption": "ASF Extended Content Encryption"}, {0, 1}),
    ],
)
def test_what_a_header_says_is_encrypted(streams: list[Any], tags: dict[str, str], encrypted: set[int]) -> None:
    assert encrypted_streams(found(*streams, tags=tags)) == encrypted


def test_what_is_marked_is_passed_over() -> None:
    probe = found(picture(), picture(index=1, disposition={}), sound(index=2), sound(index=3, codec_name="ac4"))
    assert undecodable_streams(probe, DECODERS) == {3}
    chosen = marked(marked(probe, "encrypted", {0}), "no_decoder", {0, 3})
    assert [stream.get(MARK) for stream in chosen["streams"]] == ["encrypted", None, None, "no_decoder"]
    video = video_stream(chosen)
    assert video and video["index"] == 1
    assert [stream["index"] for stream in audio_streams(chosen)] == [2]


@pytest.mark.parametrize(
    ("streams", "encrypted", "code", "text"),
    [
        ([picture(), sound()], {}, None, ""),
        ([picture()], {}, None, ""),
        ([sound()], {}, None, ""),
        ([picture(), sound(codec_name="ac4")], {}, "sound_undecodable", "without its sound, .*ac4"),
        ([picture(), sound(codec_name="unknown", codec_tag_string="apac")], {}, "sound_undecodable", "apac"),
        ([picture(), sound(channels=0)], {}, "sound_undecodable", "holds nothing"),
        # One that can be heard is enough.
        ([picture(), sound(codec_name="ac4"), sound(index=2)], {}, None, ""),
        ([picture(codec_name="evc"), sound()], {}, "picture_undecodable", "Only the sound .*evc"),
        ([picture(codec_name="evc"), picture(index=2), sound()], {}, None, ""),
        # A cover in a format that nobody knows is not missed.
        ([picture(codec_name="jxs", disposition={"attached_pic": 1}), sound()], {}, None, ""),
        ([picture(), sound()], {0}, "partly_protected", "Only the sound"),
        ([picture(), sound()], {1}, "partly_protected", "without its sound"),
        ([picture(), sound(), sound(index=2)], {2}, "partly_protected", "One of the file's tracks"),
    ],
)
def test_what_is_missing_is_said(streams: list[Any], encrypted: set[int], code: str | None, text: str) -> None:
    probe = marked(found(*streams), "encrypted", encrypted)
    probe = marked(probe, "no_decoder", undecodable_streams(probe, DECODERS))
    plays = {"picture": video_stream(probe) is not None, "sound": bool(audio_streams(probe))}
    said = omissions(pictures(probe), sounds(probe), **plays)
    assert [warning.code for warning in said] == ([code] if code else [])
    assert all(re.search(text, warning.message) and warning.message.endswith(".") for warning in said)
