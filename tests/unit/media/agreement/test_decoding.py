"""The judge's command lines, and which streams of a file it takes."""

from __future__ import annotations

from typing import Any

import pytest

from gilfoyle.media.agreement.decoding import PacketEnd, Tap, source_command, source_streams, stamp, stream_command


def video(index: int, **more: Any) -> dict[str, Any]:
    return {"index": index, "codec_type": "video", "codec_name": "h264", "height": 480, **more}


def audio(index: int, **more: Any) -> dict[str, Any]:
    return {"index": index, "codec_type": "audio", "codec_name": "aac", "channels": 2, **more}


def test_the_default_streams_come_first_and_covers_do_not_count() -> None:
    cover = video(0, disposition={"attached_pic": 1})
    streams = [cover, video(1), video(2, disposition={"default": 1}), audio(3), audio(4, disposition={"default": 1})]
    found = source_streams({"streams": streams}, with_video=True)
    assert (found.video, found.audio_tracks, found.channels) == (2, (4, 3), (2, 2))
    assert source_streams({"streams": streams}, with_video=False).video is None
    assert source_streams({"streams": [cover, audio(1)]}, with_video=True).video is None
    # A video of which ffprobe can't tell the size is one all the same; the still before a film is not the film.
    assert source_streams({"streams": [video(0, width=0)]}, with_video=True).video == 0
    still, moving = video(0, width=320, height=180, nb_frames="1"), video(1, width=320, height=180, nb_frames="10")
    assert source_streams({"streams": [still, moving]}, with_video=True).video == 1


def test_a_photo_in_tiles_is_one_image() -> None:
    tiles = [video(index, width=512, height=512, disposition={"dependent": 1}) for index in range(4)]
    thumbnail = video(4, width=320, height=240)
    assert source_streams({"streams": [*tiles, thumbnail]}, with_video=True).video_map == "0:g:0"
    assert source_streams({"streams": [video(0), audio(1)]}, with_video=True).video_map == "0:0"


@pytest.mark.parametrize(("name", "stampless"), [("aac", True), ("mp3", True), ("mov,mp4,m4a", False), ("ogg", False)])
def test_which_containers_have_no_stamps(name: str, stampless: bool) -> None:
    found = source_streams({"format": {"format_name": name}, "streams": [audio(0)]}, with_video=False)
    assert found.stampless == stampless


def test_what_nobody_can_decode_does_not_count() -> None:
    found = source_streams({"streams": [{"index": 0, "codec_type": "audio", "channels": 4}, audio(1)]}, with_video=True)
    assert found.audio_tracks == (1,)


@pytest.mark.parametrize(
    ("channels", "layout", "mix"),
    [
        (1, "", ""),
        (2, "stereo", ""),
        (6, "5.1", ""),
        (4, "ambisonic 1", "pan=mono|c0=c0"),
        (3, "", "pan=mono|c0=0.333333*c0+0.333333*c1+0.333333*c2"),
    ],
)
def test_how_channels_become_one(channels: int, layout: str, mix: str) -> None:
    found = source_streams({"streams": [audio(0, channels=channels, channel_layout=layout)]}, with_video=True)
    assert found.mixes == (mix,)


def test_more_channels_than_ffmpeg_mixes_become_one_evenly() -> None:
    found = source_streams({"streams": [audio(0, channels=16, channel_layout="hexadecagonal")]}, with_video=True)
    assert found.mixes[0].count("*c") == 16


@pytest.mark.parametrize(
    ("stream", "begins", "ends"),
    [
        ({"width": 1280, "height": 720, "color_space": "bt709"}, "scale", "pad"),
        ({"width": 1280, "height": 720}, "setparams=colorspace=bt709", "pad"),
        ({"color_space": "ycgco"}, "setparams=range=tv:colorspace=bt709", "sidedata"),
        # HDR is compared by its brightness alone.
        ({"color_transfer": "smpte2084"}, "setparams=range=tv:colorspace=bt709", "pad"),
        ({"color_transfer": "arib-std-b67", "color_space": "ictcp"}, "setparams=range=tv:colorspace=bt709", "pad"),
    ],
)
def test_colours_are_named_before_they_are_scaled_and_converted_after(
    stream: dict[str, Any], begins: str, ends: str
) -> None:
    streams = source_streams({"streams": [video(0, **stream)]}, with_video=True)
    command = source_command("ffmpeg", "film", [], Tap("0:0", 5, 6), [], (426, 240), colour=streams.colour, threads=2)
    seen = command[command.index("-filter_complex") + 1].partition("scale=16:4")[0].removeprefix("[0:0]")
    assert seen.startswith(begins) and seen.rstrip(",").rpartition(",")[2].startswith(ends)


def test_a_source_is_decoded_as_ffmpeg_does_by_itself() -> None:
    command = source_command(
        "ffmpeg", "film.mkv", ["-protocol_whitelist", "file"], Tap("0:0", 5, 6, 11), [Tap("0:1", 7, 8, 12)], (426, 240),
        threads=2,
    )  # fmt: skip
    assert command == [
        "ffmpeg", "-hide_banner", "-nostdin", "-v", "error", "-nostats", "-progress", "pipe:1", "-y",
        "-max_error_rate", "1", "-protocol_whitelist", "file", "-threads", "2", "-i", "film.mkv",
        "-filter_complex",
        "[0:0]scale=w=if(gt(iw*if(between(sar\\,0.1\\,10)\\,sar\\,1)/ih\\,320/180)\\,320\\,max(1\\,round(180*iw*if(between(sar\\,0.1\\,10)\\,sar\\,1)/ih))):"
        "h=if(gt(iw*if(between(sar\\,0.1\\,10)\\,sar\\,1)/ih\\,320/180)\\,max(1\\,round(320/(iw*if(between(sar\\,0.1\\,10)\\,sar\\,1)/ih)))\\,180):flags=area,setsar=1,"
        "format=yuv444p|yuv444p10le|gbrp|gbrp10le,pad=320:180:(ow-iw)/2:(oh-ih)/2,"
        "scale=16:4:flags=area+accurate_rnd+full_chroma_int,format=rgb24,split[raw5][stamps5]",
        "-map", "[raw5]", "-fps_mode", "passthrough", "-enc_time_base", "1/1000000", "-c:v", "rawvideo",
        "-f", "rawvideo", "pipe:5",
        "-map", "[stamps5]", "-fps_mode", "passthrough", "-enc_time_base", "1/1000000", "-c:v", "rawvideo",
        "-flush_packets", "1", "-f", "framecrc", "pipe:6",
        "-map", "0:0", "-c", "copy", "-f", "framecrc", "pipe:11",
        "-filter_complex",
        "[0:1]aformat=sample_fmts=s16:sample_rates=8000:channel_layouts=mono,asplit[raw7][stamps7]",
        "-map", "[raw7]", "-c:a", "pcm_s16le", "-f", "s16le", "pipe:7",
        "-map", "[stamps7]", "-c:a", "pcm_s16le", "-flush_packets", "1", "-f", "framecrc", "pipe:8",
        "-map", "0:1", "-c", "copy", "-f", "framecrc", "pipe:12",
    ]  # fmt: skip


def test_a_stream_is_read_from_a_pipe_and_nothing_else() -> None:
    command = stream_command("ffmpeg", 9, Tap("0:a:0", 5, 6), is_video=False, threads=1)
    limits = ["-copyts", "-protocol_whitelist", "pipe", "-format_whitelist", "mov", "-threads", "1", "-i", "pipe:9"]
    assert command[9:18] == limits


def test_tiles_have_no_packets_of_their_own() -> None:
    command = source_command("ffmpeg", "photo.heic", [], Tap("0:g:0", 5, 6, 7), [], (64, 64), threads=1)
    assert "copy" not in command and "pipe:7" not in command


def test_when_the_last_packet_ends() -> None:
    packets = PacketEnd()
    for line in ("#software: Lavf", "#tb 0: 1/1000", "0, 40, 80, 40, 192, 0x0", "0, 80, 40, 40, 192, 0x0", ""):
        packets.take(line)
    assert packets.end == 0.12


def test_lines_of_stamps() -> None:
    assert stamp("#tb 0: 1/1000000") is None
    assert stamp("") is None
    assert stamp("0,      40000,      80000,    40000,      192, 0x8d1213ec") == (80_000, 40_000, 192)
    assert stamp("0, -9223372036854775808, -9223372036854775808, 0, 192, 0x0") == (None, 0, 192)
