"""The command that a person would write."""

from __future__ import annotations

from pathlib import Path

from bench.handwritten import command
from bench.subject import Subject
from gilfoyle.media.info import AudioInfo
from gilfoyle.media.plan import make_plan
from gilfoyle.media.policy import EncodingPolicy
from tests.unit.media.infos import audio, media, video

OUT = Path("/out")
VIDEO = video(width=1280, height=720)


def line_for(policy: EncodingPolicy, *audio_tracks: AudioInfo) -> list[str]:
    info = media(VIDEO, *audio_tracks)
    return command("ffmpeg", Subject(Path("/films/a.mp4"), info, make_plan(info, policy)), policy, OUT)


def test_the_whole_line() -> None:
    filters = (
        "[0:0]split=3[s0][s1][s2];[s0]scale=1280:720:flags=bicubic,setsar=1[v0];"
        "[s1]scale=854:480:flags=bicubic,setsar=1[v1];[s2]scale=640:360:flags=bicubic,setsar=1[v2]"
    )
    variants = (
        "v:0,agroup:audio,name:720p v:1,agroup:audio,name:480p v:2,agroup:audio,name:360p "
        "a:0,agroup:audio,default:yes,name:audio-128k"
    )
    assert line_for(EncodingPolicy(), audio()) == [
        "ffmpeg", "-hide_banner", "-nostdin", "-v", "error", "-y", "-i", "/films/a.mp4",
        "-filter_complex", filters, "-map", "[v0]", "-map", "[v1]", "-map", "[v2]", "-map", "0:1",
        "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-pix_fmt", "yuv420p",
        "-g", "60", "-keyint_min", "60", "-sc_threshold", "0", "-flags:v", "+cgop",
        "-crf:v:0", "21", "-maxrate:v:0", "2800k", "-bufsize:v:0", "4200k",
        "-crf:v:1", "21", "-maxrate:v:1", "1400k", "-bufsize:v:1", "2100k",
        "-crf:v:2", "21", "-maxrate:v:2", "800k", "-bufsize:v:2", "1200k",
        "-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000",
        "-f", "hls", "-hls_segment_type", "fmp4", "-hls_time", "4",
        "-hls_playlist_type", "vod", "-hls_flags", "independent_segments",
        "-hls_segment_filename", "/out/%v/%05d.m4s", "-hls_fmp4_init_filename", "init.mp4",
        "-master_pl_name", "master.m3u8", "-var_stream_map", variants, "/out/%v/index.m3u8",
    ]  # fmt: skip


def test_a_silent_film_has_no_audio_group() -> None:
    line = line_for(EncodingPolicy())
    assert "-c:a" not in line
    assert "v:0,name:720p v:1,name:480p v:2,name:360p" in line


def test_it_follows_the_policy() -> None:
    policy = EncodingPolicy(preset="faster", gop_s=1, segment_gops=3, buffer_s=1, max_frame_rate=15)
    line = line_for(policy, audio())
    assert line[line.index("-preset") + 1] == "faster"
    assert line[line.index("-g") + 1] == "15"
    assert line[line.index("-hls_time") + 1] == "3"
    assert line[line.index("-bufsize:v:0") + 1] == "2800k"
    assert "[0:0]fps=15/1,split=3" in line[line.index("-filter_complex") + 1]
