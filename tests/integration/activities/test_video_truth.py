"""Frame truth: what changes midway, frames without times, slow beginnings, and what is heard beside video."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from tests.integration.activities.films import DEFAULT, H264, beeps, counted, lavfi, make
from tests.integration.activities.pipeline import Pipeline, streams
from tests.integration.activities.test_sync import beeps as heard
from tests.sources import FFMPEG, read_numbers, run

VP8 = ["-c:v", "libvpx", "-deadline", "realtime", "-b:v", "600k"]


@pytest.fixture
def truth(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "truth", DEFAULT)


def ivf(parts: list[bytes]) -> bytes:
    """IVF files one behind the other as one, its frames' times counted through."""
    head, body, count = parts[0][:32], b"", 0
    for part in parts:
        at = 32
        while at < len(part):
            (size,) = struct.unpack_from("<I", part, at)
            body += struct.pack("<IQ", size, count) + part[at + 12 : at + 12 + size]
            at, count = at + 12 + size, count + 1
    return head[:24] + struct.pack("<I", count) + head[28:] + body


def changing(folder: Path, *parts: tuple[float, str]) -> Path:
    """A WebM whose video goes through parts of so many seconds and such a size."""
    made, first = [], 0
    for number, (seconds, size) in enumerate(parts):
        each = make(folder / f"{number}.ivf", *counted(seconds, first=first, size=size), *VP8)
        made.append(each.read_bytes())
        first += round(seconds * 25)
    (folder / "all.ivf").write_bytes(ivf(made))
    return make(folder / "changes.webm", "-i", str(folder / "all.ivf"), "-c", "copy")


CHANGES = {
    "smaller": ([(2, "320:240"), (3, "160:120")], (320, 240)),
    "larger, as a call grows": ([(1, "160:120"), (6, "640:480")], (640, 480)),
    "to and fro": ([(0.52, "320:240"), (0.52, "160:120")] * 5, (320, 240)),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_video_whose_size_changes(name: str, truth: Pipeline, tmp_path: Path) -> None:
    parts, size = CHANGES[name]
    await truth.process(changing(tmp_path, *parts))
    assert (truth.plan.video[0].width, truth.plan.video[0].height) == size
    count = sum(round(seconds * 25) for seconds, _ in parts)
    for rendition in truth.video:
        assert read_numbers(truth.playlist(rendition), strict=False) == list(range(count))


async def test_video_of_another_shape_gets_bars_and_is_not_stretched(truth: Pipeline, tmp_path: Path) -> None:
    """White video of 320×240 is followed by such of 180×320: in 320×240, that is 136 wide."""
    white = [
        make(tmp_path / f"{n}.ivf", *lavfi(f"color=white:size={size}:rate=25:duration=2"), *VP8).read_bytes()
        for n, size in enumerate(("320x240", "180x320"))
    ]
    (tmp_path / "all.ivf").write_bytes(ivf(white))
    await truth.process(make(tmp_path / "turned.webm", "-i", str(tmp_path / "all.ivf"), "-c", "copy"))
    raw = run(FFMPEG, "-v", "error", "-i", str(truth.playlist("240p")), "-f", "rawvideo", "-pix_fmt", "gray", "-")
    frames = np.frombuffer(raw, np.uint8).reshape(-1, 240, 320)
    assert len(frames) == 100
    assert (frames[10] > 200).all()
    lit = np.flatnonzero(frames[90, 120] > 128)
    assert len(lit) == pytest.approx(240 * 180 / 320, abs=4) and lit.mean() == pytest.approx(159.5, abs=2)
    assert (frames[90, :, 160] > 200).all()


@pytest.mark.parametrize(
    "second",
    [
        ["-vf", "scale=240:180"],
        ["-vf", "setsar=16/11"],
        ["-vf", "setsar=16/11", "-c:v", "mpeg2video", "-q:v", "2"],
        ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"],
        ["-pix_fmt", "yuv444p", "-profile:v", "high444"],
        ["-bf", "0", "-profile:v", "baseline", "-coder", "0"],
    ],
    ids=["size", "pixels", "pixels, of MPEG-2", "colour", "format", "profile"],
)
async def test_a_broadcast_that_changes_between_programmes(second: list[str], truth: Pipeline, tmp_path: Path) -> None:
    clock = ["-muxdelay", "0"]
    codec, after = (second[2:], "2.04") if "mpeg2video" in second else ([], "2.08")
    first = make(tmp_path / "1.ts", *counted(2), *H264, *codec, *clock)
    then = make(tmp_path / "2.ts", *counted(3, first=50), *H264, *second, *clock, "-output_ts_offset", after)
    (tmp_path / "both.ts").write_bytes(first.read_bytes() + then.read_bytes())
    await truth.process(tmp_path / "both.ts")
    numbers = read_numbers(truth.playlist(truth.video[0]), strict=False)
    # Where pixels become wider, the first part gets bars, with which its numbers can't be read.
    legible = slice(50, None) if second[1] == "setsar=16/11" else slice(None)
    assert len(numbers) == 125 and numbers[legible] == list(range(125))[legible]


@pytest.mark.parametrize("suffix", [".h264", ".h265", ".m4v"])
async def test_a_raw_stream_has_no_times(suffix: str, truth: Pipeline, tmp_path: Path) -> None:
    codec = {".h264": H264, ".h265": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "bframes=3"]}
    options = codec.get(suffix, ["-c:v", "mpeg4", "-q:v", "2", "-bf", "2"])
    await truth.process(make(tmp_path / f"raw{suffix}", *counted(5), *options, "-loglevel", "error"))
    assert read_numbers(truth.playlist(truth.video[0]), strict=False) == list(range(125))


@pytest.mark.parametrize("codec", ["h264", "mpeg4", "mjpeg"])
async def test_avi_knows_when_a_frame_is_decoded_only(codec: str, truth: Pipeline, tmp_path: Path) -> None:
    options = {
        "h264": H264,
        "mpeg4": ["-c:v", "mpeg4", "-q:v", "2", "-bf", "2"],
        "mjpeg": ["-c:v", "mjpeg", "-q:v", "3"],
    }
    source = make(tmp_path / "tape.avi", *counted(6), *beeps(6, rate=44_100), *options[codec], "-c:a", "pcm_s16le")
    await truth.process(source)
    assert read_numbers(truth.playlist(truth.video[0]), strict=False) == list(range(150))
    assert heard(truth.playlist("audio-128k"), "0:a:0")[1:] == pytest.approx([1, 2, 3, 4, 5], abs=0.01)


async def test_a_recording_that_begins_slowly_loses_nothing(truth: Pipeline, tmp_path: Path) -> None:
    """One frame a second for 20 s, then 30 a second for 3 s, in a WebM as a browser writes it."""
    source = make(
        tmp_path / "screen.webm", *counted(4, rate=30),
        "-vf", "settb=1/1000,setpts='if(lt(N,20),N*1000,20000+(N-20)*1000/30)'",
        "-fps_mode", "passthrough", "-enc_time_base", "1/1000", *VP8, "-g", "3000", "-live", "1",
    )  # fmt: skip
    await truth.process(source)
    assert truth.plan.grid.rate == 30
    assert sorted(set(read_numbers(truth.playlist(truth.video[0]), strict=False))) == list(range(120))


BESIDE = {
    "a second before": (1.0, 0.0),
    "a little before": (0.24, 0.0),
    "a second after": (0.0, 1.0),
    "a little after": (0.0, 0.24),
    "three seconds after": (0.0, 3.0),
    "before and after": (0.48, 0.48),
}


SOME = ("a little before", "a little after")


@pytest.mark.parametrize(
    ("name", "suffix"),
    [*((name, ".mkv") for name in BESIDE), *((name, suffix) for name in SOME for suffix in (".mp4", ".ts"))],
)
async def test_what_is_heard_beside_the_video(name: str, suffix: str, truth: Pipeline, tmp_path: Path) -> None:
    """A tone from the first moment of the audio to its last; the first frame is held before, the last one after."""
    before, after = BESIDE[name]
    tone = lavfi(f"sine=frequency=1000:sample_rate=48000:duration={3 + before + after}")
    source = make(
        tmp_path / f"beside{suffix}", "-itsoffset", str(before), *counted(3), *tone, *H264, "-c:a", "aac"
    )  # fmt: skip
    await truth.process(source)
    raw = run(FFMPEG, "-v", "error", "-i", str(truth.playlist("audio-128k")), "-f", "f32le", "-ac", "1", "-")
    loud = np.flatnonzero(np.abs(np.frombuffer(raw, np.float32)) > 0.02)
    assert (loud[-1] - loud[0]) / 48_000 == pytest.approx(3 + before + after, abs=0.05)
    numbers = read_numbers(truth.playlist(truth.video[0]), strict=False)
    assert len(numbers) / 25 >= 3 + before + after - 0.01
    shown = [number for at, number in enumerate(numbers) if at == 0 or number != numbers[at - 1]]
    assert shown == list(range(75))


async def test_video_that_begins_long_after_the_audio_is_found(truth: Pipeline, tmp_path: Path) -> None:
    """ffprobe gives up after 5 s by itself. The first frame is held before."""
    source = make(tmp_path / "late.ts", *beeps(16), "-itsoffset", "9", *counted(7), *H264, "-c:a", "aac")
    await truth.process(source)
    numbers = read_numbers(truth.playlist(truth.video[0]), strict=False)
    assert numbers[-175:] == list(range(175)) and set(numbers[:-175]) == {0}
    assert len(numbers) == pytest.approx(400, abs=4)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
async def test_an_image_under_a_song_is_held_in_passes_of_its_own(suffix: str, truth: Pipeline, tmp_path: Path) -> None:
    """Each can be made alone, from the one frame: a worker holds no more of it than of any film."""
    source = make(tmp_path / f"song{suffix}", *counted(0.04, first=5), *beeps(70), *H264, "-c:a", "aac")
    await truth.probe(source)
    held = [each for each in truth.plan.passes if not truth.plan.is_audio(each)]
    assert len(held) > 5 or not truth.info.exact_seek
    await truth.encode(reversed(truth.plan.passes))
    packaged = await truth.package()
    assert packaged.progress == 1
    assert read_numbers(truth.playlist(truth.video[0]), strict=False) == [5] * truth.plan.grid.frames
    assert float(truth.plan.grid.duration) == pytest.approx(70, abs=0.1)


async def test_left_and_right_as_a_track_each(truth: Pipeline, tmp_path: Path) -> None:
    tones = [*lavfi("sine=frequency=500:duration=3"), *lavfi("sine=frequency=2000:duration=3")]
    source = make(
        tmp_path / "dual.mov", *counted(3), *tones, "-map", "0", "-map", "1", "-map", "2", *H264, "-c:a", "pcm_s16le"
    )
    await truth.process(source)
    (stream,) = streams(truth.playlist("audio-128k"))
    assert stream["channels"] == 2
    raw = run(FFMPEG, "-v", "error", "-i", str(truth.playlist("audio-128k")), "-f", "f32le", "-")
    sides = np.frombuffer(raw, np.float32).reshape(-1, 2)[24_000:72_000]
    strongest = [np.argmax(np.abs(np.fft.rfft(sides[:, side]))) for side in (0, 1)]
    assert strongest == pytest.approx([500, 2000], abs=5)


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("four.mxf", [500, 1500], [1000, 2000]),
        ("six.mov", [500, 1500, 2000, 2500], [1000, 1500, 2000, 3000]),
        ("eight.mov", [500, 1500, 2500, 3500], [1000, 2000, 3000, 4000]),
    ],
)
async def test_of_many_mono_tracks_each_is_heard_on_its_side(
    truth: Pipeline, tmp_path: Path, name: str, left: list[int], right: list[int]
) -> None:
    """As cameras and broadcasters write them; all at once are louder than a stream can be."""
    pitches = range(500, max(*left, *right) + 1, 500)
    tones = [part for pitch in pitches for part in lavfi(f"aevalsrc=0.4*sin({pitch}*2*PI*t):s=48000:d=3")]
    maps = [part for index in range(len(pitches) + 1) for part in ("-map", f"{index}")]
    source = make(tmp_path / name, *counted(3), *tones, *maps, "-c:v", "mpeg2video", "-c:a", "pcm_s16le")
    await truth.process(source)
    assert [warning.code for warning in truth.info.warnings] == ["tracks_mixed"]
    raw = run(FFMPEG, "-v", "error", "-i", str(truth.playlist("audio-128k")), "-f", "f32le", "-")
    sides = np.frombuffer(raw, np.float32).reshape(-1, 2)[48_000:96_000]
    for side, wanted in enumerate((left, right)):
        loud = np.abs(np.fft.rfft(sides[:, side]))
        heard = [pitch for pitch in pitches if loud[pitch - 3 : pitch + 4].max() > 0.2 * loud.max()]
        assert heard == wanted
    assert np.abs(sides).max() < 1.1


async def test_two_languages_are_not_left_and_right(truth: Pipeline, tmp_path: Path) -> None:
    tones = [*lavfi("sine=frequency=500:duration=3"), *lavfi("sine=frequency=2000:duration=3")]
    languages = ["-metadata:s:a:0", "language=ger", "-metadata:s:a:1", "language=fre"]
    maps = ["-map", "0", "-map", "1", "-map", "2"]
    source = make(tmp_path / "dubbed.mov", *counted(3), *tones, *maps, *H264, "-c:a", "pcm_s16le", *languages)
    await truth.process(source)
    assert [each.mono for each in truth.info.audio] == [[], []]


async def test_a_file_that_was_cut_short_plays_as_far_as_it_goes(truth: Pipeline, tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.mp4", *counted(12), *beeps(12), *H264, "-movflags", "+faststart", "-c:a", "aac")
    data = whole.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) * 2 // 3])
    packaged = await truth.process(cut)
    assert packaged.playable and packaged.progress == 1
    assert [warning.code for warning in truth.info.warnings] == ["cut_short"]
    numbers = read_numbers(truth.playlist(truth.video[0]), strict=False)
    assert 100 < len(numbers) < 280
    assert numbers[:-5] == list(range(len(numbers) - 5))
