"""Audio truth: with the default policy, what is heard at a moment of the source is heard at that moment of the stream.

The default policy, since a pass of audio that begins far from 0 is where it once fell out of step.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gilfoyle.media.plan import Pass
from tests.integration.activities.films import BEEP, DEFAULT, lavfi, make
from tests.integration.activities.pipeline import Pipeline
from tests.integration.activities.test_sync import beeps

IN_PLACE_S = 0.010
VIDEO = ["-f", "lavfi", "-i", "color=gray:size=160x120:rate=25:duration=9"]
SMALL_VIDEO = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]


def beeping(path: Path, rate: int, *codec: str, with_video: bool = True, seconds: int = 9) -> Path:
    """50 ms of 1 kHz at each whole second, sampled so many times a second."""
    source = lavfi(f"aevalsrc={BEEP}:sample_rate={rate}:duration={seconds}")
    return make(path, *(VIDEO if with_video else []), *source, *(SMALL_VIDEO if with_video else []), *codec)


@pytest.fixture
def truth(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "truth", DEFAULT)


def assert_in_place(found: list[float], seconds: int = 9) -> None:
    """A beep at each whole second; the very first AAC frame fades in (docs/decisions/0005)."""
    assert found[0] == pytest.approx(0, abs=1024 / 48_000)
    assert found[1:] == pytest.approx(list(range(1, seconds)), abs=IN_PLACE_S)


RATES = [8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000]


@pytest.mark.parametrize("rate", RATES)
async def test_any_sample_rate_beside_video(rate: int, truth: Pipeline, tmp_path: Path) -> None:
    await truth.process(beeping(tmp_path / "film.mov", rate, "-c:a", "pcm_s16le"))
    assert len([each for each in truth.plan.passes if truth.plan.is_audio(each)]) == 2
    assert_in_place(beeps(truth.playlist("audio-128k"), "0:a:0"))


OTHERS = {
    "film.mp4": (44_100, ["-c:a", "aac"]),
    "low.mp4": (22_050, ["-c:a", "aac"]),
    "fragments.mp4": (44_100, ["-c:a", "aac", "-movflags", "frag_keyframe+delay_moov"]),
    "film.mkv": (96_000, ["-c:a", "flac"]),
    "web.webm": (48_000, ["-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"]),
    "vorbis.mkv": (32_000, ["-c:a", "libvorbis"]),
    "broadcast.ts": (44_100, ["-c:a", "mp2"]),
    "tape.avi": (11_025, ["-c:v", "mpeg4", "-c:a", "pcm_s16le"]),
    "clip.flv": (22_050, ["-c:a", "aac"]),
}


@pytest.mark.parametrize("name", OTHERS)
async def test_any_container_beside_video(name: str, truth: Pipeline, tmp_path: Path) -> None:
    rate, options = OTHERS[name]
    await truth.process(beeping(tmp_path / name, rate, *options))
    assert_in_place(beeps(truth.playlist("audio-128k"), "0:a:0"))


ALONE = {
    "song.m4a": (44_100, ["-c:a", "aac"]),
    "song.mp3": (22_050, ["-c:a", "libmp3lame"]),
    "voice.wav": (8000, []),
    "studio.flac": (192_000, []),
    "song.ogg": (44_100, ["-c:a", "libvorbis"]),
    "radio.aac": (24_000, []),
    "song.mka": (44_100, ["-c:a", "pcm_s24le"]),
}


@pytest.mark.parametrize("name", ALONE)
async def test_audio_only(name: str, truth: Pipeline, tmp_path: Path) -> None:
    """An ADTS stream has no word for the encoder's delay: there all is late by that much, from the first beep on."""
    rate, options = ALONE[name]
    await truth.process(beeping(tmp_path / name, rate, *options, with_video=False))
    found = beeps(truth.playlist("audio-64k"), "0:a:0")
    delay = 1024 / rate if name.endswith(".aac") else 0
    assert_in_place([place - delay for place in found])


@pytest.mark.parametrize("rate", [8000, 44_100])
async def test_a_pass_of_audio_may_begin_at_any_segment(rate: int, truth: Pipeline, tmp_path: Path) -> None:
    """After a kill it does."""
    await truth.probe(beeping(tmp_path / "song.m4a", rate, "-c:a", "aac", with_video=False, seconds=14))
    names, segments = truth.audio, truth.plan.segments(truth.audio[0])
    await truth.encode(
        Pass(renditions=[name], first=at, count=1, priority=1) for at in reversed(range(segments)) for name in names
    )
    await truth.package()
    assert_in_place(beeps(truth.playlist("audio-64k"), "0:a:0"), 14)


async def test_audio_is_in_step_beyond_ten_minutes(truth: Pipeline, tmp_path: Path) -> None:
    """There a pass of audio begins anew."""
    source = beeping(tmp_path / "long.m4a", 11_025, "-c:a", "aac", "-b:a", "24k", with_video=False, seconds=618)
    await truth.process(source)
    assert_in_place(beeps(truth.playlist("audio-64k"), "0:a:0"), 618)


CHANGES = {
    "stereo, surround, stereo": [(48_000, "stereo"), (48_000, "5.1"), (48_000, "stereo")],
    "another rate": [(48_000, "stereo"), (44_100, "stereo"), (32_000, "stereo")],
    "all at once": [(44_100, "mono"), (48_000, "5.1"), (32_000, "stereo"), (48_000, "mono")],
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("container", ["ts", "mkv"])
async def test_audio_that_changes_midway(name: str, container: str, truth: Pipeline, tmp_path: Path) -> None:
    """As at every programme of a broadcast. 125 frames of AC-3 (1,536 samples) are 4 s, 3.9 s …: no gap between."""
    joined, expected, at = b"", [0.0], 0.0
    for index, (rate, layout) in enumerate(CHANGES[name]):
        length = 125 * 1536 / rate
        source = f"aevalsrc={BEEP}:sample_rate={rate}:duration={length}"
        heard = {"mono": "c0=c0", "stereo": "c0=c0|c1=c0", "5.1": "FC=c0"}[layout]
        part = make(
            tmp_path / f"{index}.ac3", *lavfi(source), "-af", f"pan={layout}|{heard}", "-c:a", "ac3", "-b:a", "192k"
        )
        joined += part.read_bytes()
        expected += [at + second for second in range(int(length - 0.01) + 1) if at + second]
        at += length
    (tmp_path / "all.ac3").write_bytes(joined)
    source = make(tmp_path / f"changes.{container}", "-f", "ac3", "-i", str(tmp_path / "all.ac3"), "-c", "copy")
    await truth.process(source)
    found = beeps(truth.playlist("audio-64k"), "0:a:0")
    delay = 256 / 48_000  # AC-3's own
    assert found[1:] == pytest.approx([place + delay for place in expected[1:]], abs=IN_PLACE_S)


@pytest.mark.parametrize("channels", [1, 3, 8, 9, 20, 64])
@pytest.mark.parametrize("name", ["many.wav", "many.mov"])
async def test_any_number_of_channels(name: str, channels: int, truth: Pipeline, tmp_path: Path) -> None:
    """Nothing says where they stand, and the same is heard from each."""
    one = np.where(np.arange(16_000) % 8000 < 400, 20_000 * np.sin(np.arange(16_000) * np.pi / 4), 0)
    raw = tmp_path / "raw"
    raw.write_bytes(np.repeat(one.astype("<i2")[:, None], channels, axis=1).tobytes())
    await truth.process(
        make(tmp_path / name, "-f", "s16le", "-ar", "8000", "-ac", str(channels), "-i", str(raw), "-c", "copy")
    )
    playlist = truth.playlist("audio-64k")
    assert_in_place(beeps(playlist, "0:a:0"), 2)


async def test_of_ambisonics_the_audio_from_all_around_is_heard(truth: Pipeline, tmp_path: Path) -> None:
    """W is the first of its channels; here the others are silent (Opus, channel mapping family 2, RFC 8486)."""
    made = make(
        tmp_path / "made.mkv", *lavfi(f"aevalsrc={BEEP}:sample_rate=48000:duration=3"),
        "-af", "pan=4c|c0=c0", "-c:a", "libopus", "-mapping_family", "255",
    )  # fmt: skip
    data = bytearray(made.read_bytes())
    data[data.index(b"OpusHead") + 18] = 2
    source = tmp_path / "ambisonic.mkv"
    source.write_bytes(data)
    await truth.process(source)
    assert truth.info.main_audio and (truth.info.main_audio.layout or "").startswith("ambisonic")
    assert_in_place(beeps(truth.playlist("audio-64k"), "0:a:0"), 3)
