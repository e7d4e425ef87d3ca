"""Sources that are not an ordinary film: turned, stretched, tiny, silent, unseen, in HDR, in fields."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.integration.activities.pipeline import LOWEST, Pipeline, packets, streams
from tests.sources import FFMPEG, numbered, read_numbers, run

Frames = np.ndarray[tuple[int, int, int, int], np.dtype[np.uint8]]


def make(path: Path, *arguments: str) -> Path:
    run(FFMPEG, "-v", "error", "-nostdin", "-y", *arguments, str(path))
    return path


def lavfi(source: str) -> list[str]:
    return ["-f", "lavfi", "-i", source]


X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]


def decoded(playlist: Path, width: int, height: int) -> Frames:
    """The frames as RGB."""
    raw = run(FFMPEG, "-v", "error", "-i", str(playlist), "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def mean(frame: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> list[int]:
    return [round(float(value)) for value in frame.mean(axis=(0, 1))]


def sizes(pipeline: Pipeline) -> list[tuple[int, int]]:
    """As decoded, not as planned."""
    found = [streams(pipeline.playlist(name))[0] for name in pipeline.video]
    assert {stream.get("sample_aspect_ratio", "1:1") for stream in found} <= {"1:1"}
    return [(stream["width"], stream["height"]) for stream in found]


@pytest.mark.parametrize(("degrees", "corner"), [(90, "left"), (180, "bottom"), (270, "right")])
async def test_a_turned_phone(degrees: int, corner: str, lowest: Pipeline, tmp_path: Path) -> None:
    """The red top of what the sensor saw is where the display matrix puts it."""
    flat = make(
        tmp_path / "flat.mp4",
        *lavfi("color=blue:size=320x180:rate=25:duration=1,drawbox=width=320:height=60:color=red:thickness=fill"),
        *X264,
    )
    source = make(tmp_path / "turned.mp4", "-display_rotation", str(degrees), "-i", str(flat), "-c", "copy")
    await lowest.process(source)
    width, height = (160, 90) if degrees == 180 else (90, 160)
    assert sizes(lowest) == [(width, height)]
    frame = decoded(lowest.playlist("90p"), width, height)[0]
    strips = {
        "left": frame[:, : width // 4],
        "right": frame[:, -width // 4 :],
        "bottom": frame[-height // 4 :],
        "top": frame[: height // 4],
    }
    assert [side for side, strip in strips.items() if mean(strip)[0] > 200 and mean(strip)[2] < 60] == [corner]


async def test_anamorphic_pixels_become_square(pipeline: Pipeline, tmp_path: Path) -> None:
    source = make(tmp_path / "pal.mp4", *lavfi("testsrc=size=180x144:rate=25:duration=1"), "-vf", "setsar=64/45", *X264)
    await pipeline.process(source)
    assert sizes(pipeline) == [(256, 144), (214, 120), (160, 90)]


async def test_ten_bits_become_eight(lowest: Pipeline, tmp_path: Path) -> None:
    await lowest.process(
        make(tmp_path / "ten.mkv", *lavfi("color=gray:size=320x180:rate=25:duration=1,format=yuv420p10le"), *X264[:4])
    )
    (stream,) = streams(lowest.playlist("90p"))
    assert (stream["pix_fmt"], stream["profile"] in {"High", "Constrained Baseline", "Main"}) == ("yuv420p", True)
    assert mean(decoded(lowest.playlist("90p"), 160, 90)[0]) == pytest.approx([128] * 3, abs=3)


@pytest.mark.parametrize(
    ("width", "height", "expected"), [(32, 32, (32, 32)), (33, 31, (32, 32)), (16, 64, (16, 64)), (640, 16, (160, 4))]
)
async def test_tiny_and_odd_sizes(
    width: int, height: int, expected: tuple[int, int], lowest: Pipeline, tmp_path: Path
) -> None:
    source = make(tmp_path / "tiny.mkv", *lavfi(f"testsrc=size={width}x{height}:rate=25:duration=1"), "-c:v", "ffv1")
    await lowest.process(source)
    assert sizes(lowest)[-1] == expected
    assert len(packets(lowest.playlist(lowest.video[-1]))) == 25


@pytest.mark.parametrize("frames", [1, 2, 7])
async def test_a_few_frames(frames: int, pipeline: Pipeline, tmp_path: Path) -> None:
    packaged = await pipeline.process(numbered(tmp_path / "short.mp4", "30", frames))
    assert packaged.playable and packaged.progress == 1
    assert pipeline.numbers() == {name: list(range(frames)) for name in pipeline.video}
    (name,) = pipeline.audio
    assert abs(packets(pipeline.playlist(name))[-1][1] - Fraction(frames, 30)) < Fraction(30, 1000)


async def test_a_silent_film(lowest: Pipeline, tmp_path: Path) -> None:
    packaged = await lowest.process(numbered(tmp_path / "silent.mp4", "30", 60, audio=False))
    assert packaged.playable
    assert (lowest.audio, lowest.numbers()) == ([], {"90p": list(range(60))})
    assert "AUDIO" not in lowest.master.read_text()


AUDIO = {
    "song.mp3": ["-ar", "44100", "-ac", "1", "-b:a", "64k"],
    "voice.wav": ["-ar", "16000", "-ac", "1"],
    "disc.flac": ["-ar", "44100", "-ac", "2"],
    "stream.aac": ["-ar", "48000", "-ac", "2"],
    "chat.ogg": ["-c:a", "libopus", "-ac", "2"],
    "phone.m4a": ["-ar", "44100", "-ac", "1"],
}


@pytest.mark.parametrize("name", AUDIO)
async def test_audio_only(name: str, lowest: Pipeline, tmp_path: Path) -> None:
    source = make(tmp_path / name, *lavfi("sine=frequency=1000:sample_rate=48000:duration=3.3"), *AUDIO[name])
    packaged = await lowest.process(source)
    assert packaged.playable and (lowest.video, lowest.audio) == ([], ["audio-64k"])
    playlist = lowest.playlist("audio-64k")
    heard = packets(playlist)
    assert heard[0][0] == 0
    assert float(heard[-1][1]) == pytest.approx(3.3, abs=0.06)  # MP3 and AAC pad to whole frames
    (stream,) = streams(playlist)
    assert (stream["codec_name"], stream["sample_rate"]) == ("aac", "48000")
    assert stream["channels"] == (1 if AUDIO[name][AUDIO[name].index("-ac") + 1] == "1" else 2)
    assert pitch(playlist) == pytest.approx(1000, abs=5)


async def test_a_song_with_a_cover_is_a_song(lowest: Pipeline, tmp_path: Path) -> None:
    cover = make(tmp_path / "cover.png", *lavfi("color=red:size=600x600"), "-frames:v", "1")
    source = make(
        tmp_path / "song.mp3", *lavfi("sine=duration=2"), "-i", str(cover), "-map", "0", "-map", "1",
        "-c:v", "copy", "-disposition:v:0", "attached_pic",
    )  # fmt: skip
    await lowest.process(source)
    assert (lowest.video, lowest.audio) == ([], ["audio-64k"])


async def test_surround_is_mixed_down(lowest: Pipeline, tmp_path: Path) -> None:
    """Speech is in the centre: it must be heard on both sides."""
    source = make(
        tmp_path / "surround.mkv",
        *lavfi("color=gray:size=320x180:rate=25:duration=2"),
        *lavfi("aevalsrc=0|0|sin(2*PI*500*t)/2|0|0|0:channel_layout=5.1:sample_rate=48000:duration=2"),
        *X264, "-c:a", "flac",
    )  # fmt: skip
    await lowest.process(source)
    (stream,) = streams(lowest.playlist("audio-64k"))
    assert stream["channels"] == 2
    sides = samples(lowest.playlist("audio-64k"), 2)
    assert all(np.abs(sides[4800:-4800, side]).max() > 0.1 for side in (0, 1))


async def test_the_default_audio_track_is_chosen(lowest: Pipeline, tmp_path: Path) -> None:
    """The second of two languages is the default; its pitch tells."""
    source = make(
        tmp_path / "dubbed.mkv",
        *lavfi("color=gray:size=320x180:rate=25:duration=2"),
        *lavfi("sine=frequency=300:duration=2"), *lavfi("sine=frequency=1200:duration=2"),
        "-map", "0", "-map", "1", "-map", "2", *X264, "-c:a", "aac",
        "-disposition:a:0", "0", "-disposition:a:1", "default",
        "-metadata:s:a:0", "language=ger", "-metadata:s:a:1", "language=fre",
    )  # fmt: skip
    await lowest.process(source)
    assert pitch(lowest.playlist("audio-64k")) == pytest.approx(1200, abs=5)
    assert 'LANGUAGE="fr' in lowest.master.read_text()


async def test_hdr_is_tone_mapped(lowest: Pipeline, tmp_path: Path) -> None:
    """PQ code 0.508 of a gray is 100 cd/m², diffuse white and no more; shown as it is coded it would be mid-gray."""
    code = round(64 + 0.508 * 876)
    source = make(
        tmp_path / "hdr.mkv",
        *lavfi(f"color=black:size=320x180:rate=25:duration=1,format=yuv420p10le,geq=lum={code}:cb=512:cr=512"),
        "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
        "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=limited",
    )  # fmt: skip
    await lowest.process(source)
    assert lowest.info.video and lowest.info.video.colour.hdr
    (stream,) = streams(lowest.playlist("90p"))
    assert (stream["pix_fmt"], stream.get("color_transfer")) == ("yuv420p", "bt709")
    red, green, blue = mean(decoded(lowest.playlist("90p"), 160, 90)[0])
    assert max(red, green, blue) - min(red, green, blue) <= 3  # gray stays gray
    assert 140 <= green <= 235


async def test_fields_become_whole_frames(tmp_path: Path) -> None:
    """What moves from field to field makes combs; deinterlaced, neighbouring lines differ little."""
    source = make(
        tmp_path / "tape.mkv",
        *lavfi("testsrc2=size=720x576:rate=50:duration=2"),
        "-vf", "scroll=horizontal=0.03,interlace=lowpass=off",
        *X264, "-flags", "+ildct+ilme", "-x264-params", "tff=1", "-crf", "10",
    )  # fmt: skip
    wide = Pipeline(tmp_path, LOWEST.model_copy(update={"video": [LOWEST.video[0].model_copy(update={"height": 576})]}))
    await wide.process(source)
    assert wide.info.video and wide.info.video.interlaced
    raw = run(FFMPEG, "-v", "error", "-i", str(source), "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    woven = np.frombuffer(raw, np.uint8).reshape(-1, 576, 720, 3)
    made = decoded(wide.playlist("576p"), 720, 576)
    assert len(made) == len(woven) == 50
    assert combing(made[10:40]) < combing(woven[10:40]) / 3


def combing(frames: Frames) -> float:
    """How much a line differs from its neighbours where they agree with each other."""
    gray = frames[..., 1].astype(np.int16)
    above, line, below = gray[:, :-2], gray[:, 1:-1], gray[:, 2:]
    alike = np.abs(above - below) < 10
    return float((np.abs(2 * line - above - below) * alike).mean())


async def test_audio_that_starts_late_is_heard_late(lowest: Pipeline, tmp_path: Path) -> None:
    """Silence before it, so that it keeps its place under the video."""
    frame = numbered(tmp_path / "film.mp4", "30", 90, audio=False)
    tone = make(tmp_path / "tone.m4a", *lavfi("sine=frequency=500:sample_rate=48000:duration=2"))
    source = make(tmp_path / "late.mkv", "-i", str(frame), "-itsoffset", "0.7", "-i", str(tone), "-c", "copy")
    await lowest.process(source)
    heard = np.abs(samples(lowest.playlist("audio-64k"), 1)[:, 0])
    assert np.argmax(heard > 0.02) / 48_000 == pytest.approx(0.7, abs=0.03)
    assert lowest.numbers() == {"90p": list(range(90))}


async def test_video_that_starts_late_is_held_before(lowest: Pipeline, tmp_path: Path) -> None:
    """Three seconds of audio go before the first frame: it is shown meanwhile."""
    frame = numbered(tmp_path / "film.mp4", "30", 60, audio=False)
    source = make(
        tmp_path / "late.mkv", *lavfi("sine=sample_rate=48000:duration=5"), "-itsoffset", "3", "-i", str(frame),
        "-c:v", "copy", "-c:a", "aac",
    )  # fmt: skip
    await lowest.process(source)
    assert lowest.numbers() == {"90p": [*[0] * 90, *range(60)]}


async def test_video_under_much_longer_audio_in_matroska(lowest: Pipeline, tmp_path: Path) -> None:
    """Its header does not say that the video ends early."""
    frame = numbered(tmp_path / "film.mp4", "30", 45, audio=False)
    source = make(
        tmp_path / "long.mkv", "-i", str(frame), *lavfi("sine=sample_rate=48000:duration=9"),
        "-c:v", "copy", "-c:a", "aac",
    )  # fmt: skip
    await lowest.process(source)
    assert lowest.numbers() == {"90p": [*range(45), *[44] * 225]}


def samples(playlist: Path, channels: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """The audio, from -1 to 1."""
    raw = run(FFMPEG, "-v", "error", "-i", str(playlist), "-f", "f32le", "-ac", str(channels), "-")
    return np.frombuffer(raw, np.float32).reshape(-1, channels)


def pitch(playlist: Path) -> float:
    """The strongest frequency, in Hz."""
    middle = samples(playlist, 1)[24_000:72_000, 0]
    return float(np.argmax(np.abs(np.fft.rfft(middle))) * 48_000 / len(middle))


async def test_every_frame_of_a_damaged_end_is_there(lowest: Pipeline, tmp_path: Path) -> None:
    """The last frames can't be decoded: the last good one is held for them, and nothing fails."""
    source = numbered(tmp_path / "damaged.mp4", "30", 60, audio=False, options=["-movflags", "+faststart"])
    data = bytearray(source.read_bytes())
    data[-1500:] = bytes(1500)
    source.write_bytes(data)
    await lowest.process(source)
    found = read_numbers(lowest.playlist("90p"))
    assert len(found) == 60
    assert found[:30] == list(range(30))
