"""ffmpeg's command lines, compared whole."""

from __future__ import annotations

import shlex
from fractions import Fraction

import pytest

from gilfoyle.media import formats
from gilfoyle.media.clock import Shift
from gilfoyle.media.colour import Colour
from gilfoyle.media.ffmpeg import VideoOutput, audio_command, audio_skip, seek_target, video_command
from gilfoyle.media.ffprobe import declared_command, entry_command, packets_command, probe_command, shapes_command
from gilfoyle.media.info import MediaInfo
from gilfoyle.media.plan import Plan, make_plan
from gilfoyle.media.policy import EncodingPolicy
from tests.unit.media.infos import audio, media, video

POLICY = EncodingPolicy()
FORMATS = ",".join(formats.FORMATS)
NTSC = Fraction(30000, 1001)
AS_ALWAYS = "-hide_banner -nostdin -v error -nostats -progress pipe:1 -y -max_error_rate 0.99"
TAGS = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"


def video_line(info: MediaInfo, plan: Plan, first: int, outputs: list[tuple[str, int, int, int]], source: str) -> str:
    renditions = {each.name: each for each in plan.video}
    wanted = [VideoOutput(renditions[name], skip, frames, fd) for name, skip, frames, fd in outputs]
    entry = seek_target(plan, first) if first else None
    return shlex.join(video_command("ffmpeg", source, info, plan, POLICY, first, wanted, entry=entry, threads=2))


def audio_line(info: MediaInfo, plan: Plan, first: int, source: str = "/m/source") -> str:
    track = info.main_audio
    assert track
    end = plan.audio_grid(plan.audio[0]).segments
    return shlex.join(audio_command("ffmpeg", source, info, track, plan, plan.audio[0], first, end, 7))


def line(*parts: str) -> str:
    return " ".join(parts)


def fitted(width: int, height: int, matrix: str = "bt709") -> str:
    shape = "flags=bicubic+accurate_rnd:force_divisible_by=2:force_original_aspect_ratio=decrease"
    colour = [f"out_color_matrix={matrix}", "out_range=tv"] if matrix else []
    return ":".join([f"scale={width}:{height}", shape, *colour, "reset_sar=1"])


def canvas(width: int, height: int) -> list[str]:
    """The filters that make frames of one size, before those that want it."""
    return [fitted(width, height, ""), f"pad={width}:{height}:-1:-1:eval=frame", "setsar=1"]


def encoder(
    frames: int,
    buffer: int,
    rate: int,
    pipe: int,
    *,
    grid: str = "1/30",
    gop: int = 60,
    ts: int = 15360,
    first: bool = False,
) -> str:
    return line(
        f"-f mp4 -bufsize {buffer}k -c:v libx264 -crf 21 -enc_time_base {grid} -flags +cgop -frames:v {frames}",
        f"-g {gop} -keyint_min {gop} -map_chapters -1 -map_metadata -1 -maxrate {rate}k",
        "-movflags +frag_keyframe+empty_moov+default_base_moof+frag_discont -preset veryfast -profile:v high",
        f"-sc_threshold 0 -threads 2 -use_editlist 0 -video_track_timescale {ts}",
        f"{'' if first else '-x264-params vbv-init=0.6 '}pipe:{pipe}",
    )


def test_a_shared_pass_in_the_middle_where_one_rendition_has_a_segment_already() -> None:
    info = media(video(), audio())
    found = video_line(info, make_plan(info, POLICY), 3, [("1080p", 0, 480, 7), ("360p", 120, 360, 9)], "/m/source")
    assert found == line(
        f"ffmpeg -f mov -copyts -format_whitelist {FORMATS} -noaccurate_seek -protocol_whitelist file",
        "-reinit_filter 0 -ss 12.008333 -i /m/source -filter_complex",
        "'[0:0]fps=eof_action=pass:fps=30/1:round=near:start_time=11.995833[s0];[s0]setpts=PTS-STARTPTS[s1];"
        "[s1]tpad=stop=-1:stop_mode=clone[s2];[s2]split=2[s3][s4];"
        f"[s3]{fitted(1920, 1080)}[s5];[s5]pad=1920:1080:-1:-1:eval=frame[s6];[s6]setsar=1[s7];"
        f"[s7]format=pix_fmts=yuv420p[s8];[s8]{TAGS}[s9];"
        "[s4]trim=start_frame=120[s10];[s10]setpts=PTS-STARTPTS[s11];"
        f"[s11]{fitted(640, 360)}[s12];[s12]pad=640:360:-1:-1:eval=frame[s13];[s13]setsar=1[s14];"
        f"[s14]format=pix_fmts=yuv420p[s15];[s15]{TAGS}[s16]'",
        f"-map '[s9]' {encoder(480, 7500, 5000, 7)}",
        f"-map '[s16]' {encoder(360, 1200, 800, 9)}",
        AS_ALWAYS,
    )


def test_the_first_chunk_does_not_seek() -> None:
    info = media(video(frame_rate=Fraction(30000, 1001)))
    found = video_line(info, make_plan(info, POLICY), 0, [("360p", 0, 120, 7)], "http://127.0.0.1:9/5f1c")
    assert found == line(
        f"ffmpeg -f mov -copyts -format_whitelist {FORMATS} -protocol_whitelist http,tcp",
        "-reinit_filter 0 -i http://127.0.0.1:9/5f1c -filter_complex",
        "'[0:0]fps=eof_action=pass:fps=30000/1001:round=near:start_time=-0.004171[s0];"
        "[s0]setpts=PTS-STARTPTS[s1];[s1]tpad=stop=-1:stop_mode=clone[s2];"
        f"[s2]{fitted(640, 360)}[s3];[s3]pad=640:360:-1:-1:eval=frame[s4];[s4]setsar=1[s5];"
        f"[s5]format=pix_fmts=yuv420p[s6];[s6]{TAGS}[s7]'",
        f"-map '[s7]' {encoder(120, 1200, 800, 7, grid='1001/30000', ts=30000, first=True)}",
        AS_ALWAYS,
    )


def test_a_seek_that_was_tried_takes_its_place_on_the_clock_of_ffmpeg() -> None:
    """`-ss` counts from the container's start, the packets' stamps and the grid do not."""
    info = media(video(start=Fraction(2), end=Fraction(62))).model_copy(update={"start": Fraction(2)})
    plan = make_plan(info, POLICY)
    output = [VideoOutput(plan.video[-1], 0, 120, 7)]
    built = video_command("f", "s", info, plan, POLICY, 3, output, entry=Fraction("12.5"), threads=2)
    assert built[built.index("-ss") + 1] == "10.500000"
    assert "start_time=13.995833" in " ".join(built)


def test_where_a_seek_arrives() -> None:
    assert shlex.join(entry_command("ffprobe", "/m/source", 2, Fraction(25, 3))) == line(
        "ffprobe -v error -hide_banner -nofind_stream_info -read_intervals '8.333333%+#1' -select_streams 2",
        f"-show_entries packet=pts_time,dts_time -of csv=p=0 -protocol_whitelist file -format_whitelist {FORMATS}",
        "/m/source",
    )


def filters(command: str) -> list[str]:
    graph = shlex.split(command)[shlex.split(command).index("-filter_complex") + 1]
    return [part.rpartition("]")[0].partition("]")[2].rpartition("[")[0] for part in graph.split(";")]


def test_interlaced_video_is_deinterlaced_before_it_is_put_on_the_grid() -> None:
    info = media(video(interlaced=True, width=720, height=576, frame_rate=Fraction(25)))
    found = filters(video_line(info, make_plan(info, POLICY), 0, [("360p", 0, 100, 7)], "/m/source"))
    assert found[:5] == [
        *canvas(720, 576),
        "bwdif=deint=interlaced:mode=send_frame",
        "fps=eof_action=pass:fps=25/1:round=near:start_time=-0.005000",
    ]


def test_hdr_is_tone_mapped_before_it_is_scaled() -> None:
    """Each zscale is told what it gets: a file may leave out what it needs to know."""
    info = media(video(colour=Colour(matrix="bt2020nc", primaries="bt2020", transfer="smpte2084")))
    found = filters(video_line(info, make_plan(info, POLICY), 0, [("360p", 0, 100, 7)], "/m/source"))
    assert found[0] == TAGS  # names that the scaler takes
    assert found[1:4] == canvas(1920, 1080)
    assert found[7:] == [
        "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv",
        "zscale=npl=100:transfer=linear",
        "format=pix_fmts=gbrpf32le",
        "zscale=primaries=bt709",
        "tonemap=desat=0:tonemap=hable",
        "zscale=matrix=bt709:primaries=bt709:range=limited:transfer=bt709",
        "format=pix_fmts=yuv420p|yuv422p|yuv444p|yuv411p|yuv440p|yuv420p10le|yuv422p10le|yuv444p10le",
        "sidedata=mode=delete:type=MASTERING_DISPLAY_METADATA",
        "sidedata=mode=delete:type=CONTENT_LIGHT_LEVEL",
        fitted(640, 360),
        "pad=640:360:-1:-1:eval=frame",
        "setsar=1",
        "format=pix_fmts=yuv420p",
        TAGS,
    ]


def test_what_needs_a_name_alone_is_scaled_for_its_renditions_alone() -> None:
    info = media(video(colour=Colour(told=("matrix",))))
    found = filters(video_line(info, make_plan(info, POLICY), 0, [("360p", 0, 100, 7)], "/m/source"))
    assert found[0] == "setparams=colorspace=bt709"
    assert len([each for each in found if each.startswith("scale=")]) == 1


def test_a_rendition_in_bt601_says_so() -> None:
    info = media(video(colour=Colour(matrix="smpte170m", primaries="smpte170m", transfer="smpte170m")))
    found = filters(video_line(info, make_plan(info, POLICY), 0, [("360p", 0, 100, 7)], "/m/source"))
    assert found[3:] == [
        fitted(640, 360, "smpte170m"),
        "pad=640:360:-1:-1:eval=frame",
        "setsar=1",
        "format=pix_fmts=yuv420p",
        TAGS.replace("bt709", "smpte170m"),
    ]


def test_a_container_without_exact_seeks_is_read_from_its_beginning() -> None:
    info = media(
        video(start=Fraction("1.4"), end=Fraction("61.4")), container="mpegts", exact_seek=False, start=Fraction("1.4")
    )
    plan = make_plan(info, POLICY)
    found = video_line(info, plan, 0, [("360p", 3 * 120, 1800 - 3 * 120, 7)], "/m/source")
    assert "-ss" not in shlex.split(found)
    assert filters(found)[:5] == [
        "fps=eof_action=pass:fps=30/1:round=near:start_time=1.395833",
        "setpts=PTS-STARTPTS",
        "tpad=stop=-1:stop_mode=clone",
        "trim=start_frame=360",
        "setpts=PTS-STARTPTS",
    ]


def test_a_seek_counts_from_the_containers_start() -> None:
    """The video begins at 1.5 s, the container at 1 s: 4 s of media are 4.5 s after the container's start."""
    track = audio(start=Fraction("1.5"), end=Fraction("61.5"))
    info = media(video(start=Fraction("1.5"), end=Fraction("61.5")), track, start=Fraction(1))
    words = shlex.split(video_line(info, make_plan(info, POLICY), 1, [("360p", 0, 120, 7)], "/m/source"))
    assert words[words.index("-ss") + 1] == "4.508333"
    assert "start_time=5.495833" in words[words.index("-filter_complex") + 1]


def test_the_last_frame_is_held_for_as_long_as_frames_are_wanted() -> None:
    """Under longer audio, and where what comes last is damaged."""
    info = media(video(end=Fraction(10)), audio())
    found = filters(video_line(info, make_plan(info, POLICY), 2, [("360p", 0, 60, 7)], "/m/source"))
    assert found[2] == "tpad=stop=-1:stop_mode=clone"


AUDIO_OPTIONS = line(
    "-f mp4 -ac 2 -ar 48000 -b:a 128k -c:a aac -flush_packets 0 -map '[audio]' -map_chapters -1 -map_metadata -1",
    "-movflags +frag_every_frame+empty_moov+default_base_moof -use_editlist 0 pipe:7",
)


def test_audio_from_the_beginning() -> None:
    info = media(video(), audio(index=2))
    plan = make_plan(info, POLICY)
    assert audio_line(info, plan, 0) == line(
        f"ffmpeg -f mov -copyts -format_whitelist {FORMATS} -protocol_whitelist file -i /m/source",
        f"{AUDIO_OPTIONS} {AS_ALWAYS}",
        "-filter_complex '[0:2]asetpts=PTS-(0.000000)/TB,aresample=48000,"
        "aformat=sample_fmts=fltp:channel_layouts=stereo,apad[heard]'",
        "-filter_complex '[heard]aresample=48000:async=1:first_pts=0:min_hard_comp=0.100,"
        "atrim=end_sample=2880512[audio]'",
    )
    assert audio_skip(plan, plan.audio[0], 0) == 1


def test_audio_is_resumed_with_a_run_up() -> None:
    """Segment 3 begins with AAC frame 563 (12.011 s); 24 frames before it warm the encoder up."""
    info = media(video(), audio())
    plan = make_plan(info, POLICY)
    assert audio_line(info, plan, 3) == line(
        f"ffmpeg -f mov -copyts -format_whitelist {FORMATS} -noaccurate_seek -protocol_whitelist file",
        "-ss 10.498667 -i /m/source",
        f"{AUDIO_OPTIONS} {AS_ALWAYS.replace('0.99', '1')}",
        "-filter_complex '[0:1]asetpts=PTS-(0.000000)/TB,aresample=48000,"
        "aformat=sample_fmts=fltp:channel_layouts=stereo,apad[heard]'",
        "-filter_complex '[heard]aresample=48000:async=1:first_pts=551936:min_hard_comp=0.100,"
        "atrim=end_sample=2328576[audio]'",
    )
    assert audio_skip(plan, plan.audio[0], 3) == 25
    assert 551936 == (563 - 24) * 1024


def test_audio_in_a_container_without_exact_seeks_is_resumed_without_a_seek() -> None:
    info = media(video(), audio(), container="mpegts", exact_seek=False)
    found = audio_line(info, make_plan(info, POLICY), 3)
    assert "-ss" not in shlex.split(found)
    assert "first_pts=551936" in found


def test_audio_starts_with_the_video() -> None:
    info = media(video(start=Fraction("0.04"), end=Fraction(60)), audio())
    assert "asetpts=PTS-(0.040000)/TB" in audio_line(info, make_plan(info, POLICY), 0)


@pytest.mark.parametrize(
    ("source", "protocols"), [("/media/x/source", "file"), ("http://127.0.0.1:9/5f1c", "http,tcp")]
)
def test_probing_reads_that_source_only(source: str, protocols: str) -> None:
    limits = ["-protocol_whitelist", protocols, "-format_whitelist", FORMATS, source]
    head = ["ffprobe", "-v", "error", "-hide_banner"]
    entries = "packet=stream_index,pts,dts,duration,pos,flags:packet_side_data=side_data_type"
    packets = ["-show_entries", entries, "-of", "csv=p=0"]
    keyframes = [
        *("-skip_frame", "nokey", "-skip_loop_filter", "all", "-skip_idct", "all", "-select_streams", "v"),
        *("-show_entries", "frame=best_effort_timestamp_time,width,height,sample_aspect_ratio", "-of", "compact=p=0"),
    ]
    shown = ["-show_streams", "-of", "json"]
    assert probe_command("ffprobe", source) == [*head, "-show_format", *shown, *limits]
    assert declared_command("ffprobe", source) == [*head, "-nofind_stream_info", "-show_format", *shown, *limits]
    assert packets_command("ffprobe", source) == [*head, *packets, *limits]
    parts = ["-read_intervals", "0.000%+2,55.250%"]
    assert packets_command("ffprobe", source, ["0.000%+2", "55.250%"]) == [*head, *parts, *packets, *limits]
    assert shapes_command("ffprobe", source) == [*head, *keyframes, *limits]
    assert shapes_command("ffprobe", source, ["5%+#1"]) == [
        *head, *keyframes[:6], "-read_intervals", "5%+#1", *keyframes[6:], *limits
    ]  # fmt: skip


def test_a_clock_that_begins_anew_is_mended_before_anything_is_decoded() -> None:
    shifts = [Shift(packet=75, ticks=270_000, span=1), Shift(packet=150, ticks=540_000, span=2)]
    info = media(video(shifts=shifts), audio(shifts=shifts[:1]), container="mpegts", exact_seek=False)
    plan = make_plan(info, POLICY)
    line = shlex.split(video_line(info, plan, 0, [("360p", 0, 120, 7)], "/m/source"))
    added = "gte(N,75)*(270000)+gte(N,150)*(270000)"
    assert line[line.index("-bsf:0") + 1] == (
        f"setts=pts='if(eq(PTS,NOPTS),NOPTS,PTS+{added})':dts='if(eq(DTS,NOPTS),NOPTS,DTS+{added})'"
    )
    assert "-bsf:1" not in line
    track = shlex.split(audio_line(info, plan, 0))
    assert "gte(N,75)*(270000))" in track[track.index("-bsf:1") + 1] and "-bsf:0" not in track


def test_frames_without_times_come_one_after_the_other() -> None:
    info = media(video(timeless=True, frame_rate=NTSC), container="h264", exact_seek=False)
    found = filters(video_line(info, make_plan(info, POLICY), 0, [("360p", 0, 120, 7)], "/m/source"))
    assert found[0] == "setpts=N/(30000/1001)/TB"


def test_what_decode_times_make_late_is_put_back() -> None:
    info = media(video(late=Fraction(2, 25), frame_rate=Fraction(25)), container="avi", exact_seek=False)
    found = filters(video_line(info, make_plan(info, POLICY), 0, [("360p", 0, 100, 7)], "/m/source"))
    assert found[0] == "setpts=PTS-(0.080000)/TB"
