"""Every codec of audio, in stereo and 5.1: in its place, without a seam, and labelled as what it is."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import m3u8
import numpy as np
import pytest
from numpy.typing import NDArray

from gilfoyle.media.boxes import find
from gilfoyle.media.codecs import decoder_config
from gilfoyle.media.plan import Pass
from gilfoyle.media.policy import AudioRung
from tests.integration.activities.films import DEFAULT, counted, lavfi, make
from tests.integration.activities.pipeline import Pipeline, packets, streams
from tests.integration.activities.test_audio_truth import assert_in_place, beeping
from tests.integration.activities.test_sync import beeps
from tests.integration.activities.test_verify import faults, verified
from tests.sources import FFMPEG, run

RUNGS = [
    AudioRung(kbps=128),
    AudioRung(kbps=96, codec="opus"),
    AudioRung(kbps=384, channels=6),
    AudioRung(kbps=320, codec="opus", channels=6),
]
POLICY = DEFAULT.model_copy(update={"audio": RUNGS, "video": DEFAULT.video[-1:]})
STEREO = ["audio-128k", "audio-96k-opus"]
SURROUND = ["audio-384k-6ch", "audio-320k-opus-6ch"]
TONES = {"FL": 500, "FR": 700, "FC": 900, "LFE": 60, "BL": 1300, "BR": 1700}
SEAM_S = 0.01
FILM = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]


@pytest.fixture
def truth(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "truth", POLICY)


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000, 96_000])
async def test_each_codec_beside_video(rate: int, truth: Pipeline, tmp_path: Path) -> None:
    packaged = await truth.process(beeping(tmp_path / "film.mov", rate, "-c:a", "pcm_s16le"))
    assert packaged.playable and packaged.progress == 1
    assert truth.audio == STEREO
    for name in STEREO:
        assert_in_place(beeps(truth.playlist(name), "0:a:0"))


@pytest.mark.slow
async def test_each_codec_alone(truth: Pipeline, tmp_path: Path) -> None:
    """Passes of any segment, in any order, as after a kill."""
    await truth.probe(beeping(tmp_path / "song.m4a", 44_100, "-c:a", "aac", with_video=False, seconds=14))
    for name in STEREO:
        for at in reversed(range(truth.plan.segments(name))):
            await truth.encode([Pass(renditions=[name], first=at, count=1, priority=1)])
    await truth.package()
    for name in STEREO:
        assert_in_place(beeps(truth.playlist(name), "0:a:0"), 14)
        ends = [start for start, _ in packets(truth.playlist(name))]
        assert float(ends[0]) == 0 and float(ends[-1]) == pytest.approx(14, abs=0.05)


def heard(playlist: Path, channels: int = 1) -> NDArray[np.float32]:
    """Samples at 48 kHz, a column for each channel."""
    raw = run(FFMPEG, "-v", "error", "-i", str(playlist), "-f", "f32le", "-ar", "48000", "-")
    return np.frombuffer(raw, np.float32).reshape(-1, channels)


async def test_there_is_no_seam_between_passes(truth: Pipeline, tmp_path: Path) -> None:
    """A tone goes on where another pass begins as it does everywhere else."""
    tone = lavfi("aevalsrc=0.5*sin(2*PI*441*t)|0:sample_rate=48000:duration=13:channel_layout=stereo")
    await truth.probe(make(tmp_path / "tone.wav", *tone))
    for name in STEREO:
        count = truth.plan.segments(name)
        assert count > 2
        await truth.encode(Pass(renditions=[name], first=at, count=1, priority=1) for at in range(count))
        await truth.package()
        left = heard(truth.playlist(name), 2)[:, 0]
        wanted = np.float32(0.5) * np.sin(2 * np.pi * 441 / 48_000 * np.arange(len(left)), dtype=np.float32)
        off = np.abs(left - wanted)
        grid = truth.plan.audio_grid(next(each for each in truth.plan.audio if each.name == name))
        for at in range(1, count):
            seam, width = grid.first_frame(at) * grid.frame, int(SEAM_S * 48_000)
            assert off[seam - width : seam + width].max() < 0.02, (name, at)


async def test_nothing_is_to_be_skipped_in_opus(truth: Pipeline, tmp_path: Path) -> None:
    await truth.process(beeping(tmp_path / "film.mov", 48_000, "-c:a", "pcm_s16le", "-ac", "2"))
    init = (truth.folder / "audio-96k-opus" / "init.mp4").read_bytes()
    kind, config = decoder_config(init)
    assert (kind, config[1], config[2:4]) == (b"Opus", 2, bytes(2))
    assert find(init, b"moov", b"trak", b"edts") is None
    (stream,) = streams(truth.playlist("audio-96k-opus"))
    assert (stream["codec_name"], stream["sample_rate"], stream["channels"]) == ("opus", "48000", 2)


def surround(path: Path, layout: str = "5.1", *codec: str) -> Path:
    """A tone of its own in each channel, beside video; of 7.1 the sides are those behind of 5.1 as well."""
    names = {"5.1": list(TONES), "5.1(side)": list(TONES), "7.1": [*TONES, "BL", "BR"]}[layout]
    channels = "|".join(f"0.1*sin(2*PI*{TONES[name]}*t)" for name in names)
    signal = lavfi(f"aevalsrc={channels}:sample_rate=48000:duration=5:channel_layout={layout}")
    return make(path, *counted(5), *signal, *FILM, *(codec or ["-c:a", "pcm_s16le"]))


def rhythm(pause: float) -> list[str]:
    """Beeps that get longer, in all of six channels but the low one."""
    beeps = f"aevalsrc=0.5*sin(2*PI*1000*t)*lt(mod(t\\,{pause})\\,0.05+0.01*t):sample_rate=44100:duration=9"
    return lavfi(f"{beeps},pan=5.1|c0=c0|c1=c0|c2=c0|c3=0*c0|c4=c0|c5=c0")


def loudest(samples: NDArray[np.float32]) -> float:
    """The frequency of most of it, in Hz, of the second second."""
    part = samples[48_000:96_000]
    return float(np.argmax(np.abs(np.fft.rfft(part * np.hanning(len(part))))))


@pytest.mark.parametrize(
    ("layout", "codec"),
    [("5.1", []), ("5.1(side)", []), ("7.1", []), ("5.1(side)", ["-c:a", "ac3"]), ("5.1", ["-c:a", "libopus"])],
)
async def test_each_channel_is_where_it_was(layout: str, codec: list[str], truth: Pipeline, tmp_path: Path) -> None:
    await truth.process(surround(tmp_path / "film.mkv", layout, *codec))
    assert truth.audio == [*STEREO, *SURROUND]
    for name in SURROUND:
        signal = heard(truth.playlist(name), 6)
        found = [loudest(signal[:, channel]) for channel in range(6)]
        assert found == pytest.approx(list(TONES.values()), abs=2), name
        levels = [float(np.sqrt(np.mean(signal[48_000:96_000, channel] ** 2))) for channel in range(6)]
        assert levels[:4] == pytest.approx([0.0707] * 4, rel=0.2), name
        assert levels[4:] == pytest.approx([0.0707 * (1.4 if layout == "7.1" else 1)] * 2, rel=0.35), name
    assert heard(truth.playlist("audio-128k"), 2).shape[1] == 2


@pytest.mark.parametrize("name", ["film.mov", "film.mxf"])
async def test_six_mono_tracks_are_heard_each_from_its_place(name: str, truth: Pipeline, tmp_path: Path) -> None:
    """As cameras and broadcasters write them (SMPTE ST 320)."""
    tones = [part for hertz in TONES.values() for part in lavfi(f"aevalsrc=0.1*sin(2*PI*{hertz}*t):s=48000:d=5")]
    maps = [part for number in range(len(TONES) + 1) for part in ("-map", str(number))]
    codecs = ["-c:v", "mpeg2video", "-c:a", "pcm_s16le"]
    await truth.process(make(tmp_path / name, *counted(5, size="320:240"), *tones, *maps, *codecs))
    assert truth.audio == [*STEREO, *SURROUND]
    for surround in SURROUND:
        signal = heard(truth.playlist(surround), 6)
        assert [loudest(signal[:, channel]) for channel in range(6)] == pytest.approx(list(TONES.values()), abs=2)
    assert heard(truth.playlist("audio-128k"), 2).shape[1] == 2


@pytest.mark.slow
async def test_the_judge_agrees_with_5_1_of_mono_tracks(truth: Pipeline, tmp_path: Path) -> None:
    """Each has a rhythm of its own; the low one counts as well."""
    paused = [0.6 + 0.1 * number for number in range(6)]
    beeps = [
        f"0.4*sin(2*PI*{hertz}*t)*lt(mod(t\\,{pause})\\,0.05+0.01*t):s=48000:d=9"
        for hertz, pause in zip(TONES.values(), paused, strict=True)
    ]
    tones = [part for beep in beeps for part in lavfi(f"aevalsrc={beep}")]
    maps = [part for number in range(7) for part in ("-map", str(number))]
    inputs = [*counted(9), *tones]
    await truth.process(make(tmp_path / "film.mov", *inputs, *maps, *FILM, "-c:a", "pcm_s16le"))
    found = await verified(truth)
    assert faults(found) == {}
    assert {each.of for each in found.of("loudness")} == {*STEREO, *SURROUND}


async def test_it_plays_once_there_is_what_plays_everywhere(truth: Pipeline, tmp_path: Path) -> None:
    """A player reads the list once: with Opus alone in it, some would have nothing to play."""
    await truth.probe(surround(tmp_path / "film.mkv"))
    await truth.encode(each for each in truth.plan.passes if each.renditions != ["audio-128k"])
    assert not (await truth.package(final=False)).playable
    assert (await truth.package(final=False, failed=["audio-128k"])).playable
    await truth.encode(each for each in truth.plan.passes if each.renditions == ["audio-128k"])
    assert (await truth.package()).playable


async def test_surround_is_in_its_place_and_the_judge_agrees(truth: Pipeline, tmp_path: Path) -> None:
    """The judge mixes the source and every form of it to one channel, and hears the same."""
    await truth.process(make(tmp_path / "film.mkv", *counted(9), *rhythm(1), *FILM, "-c:a", "flac"))
    for name in SURROUND:
        assert_in_place(beeps(truth.playlist(name), "0:a:0"))
    found = await verified(truth)
    assert faults(found) == {}
    for check in ("audio", "heard", "loudness", "objects", "durations", "tfdt"):
        assert {each.of for each in found.of(check)} >= {*STEREO, *SURROUND}, check
    # A frame with each of the groups of audio tracks.
    assert len(found.of("codecs")) == len(found.of("bandwidth")) == 4 * len(truth.video)


async def test_the_judge_finds_a_surround_that_is_late_or_of_another_film(truth: Pipeline, tmp_path: Path) -> None:
    await truth.process(surround(tmp_path / "film.mkv"))
    other = Pipeline(tmp_path / "other", POLICY)
    await other.process(beeping(tmp_path / "other.mov", 48_000, "-c:a", "pcm_s16le", "-ac", "6"))
    folder = truth.folder / "audio-384k-6ch"
    for segment in folder.glob("*.m4s"):
        segment.write_bytes((other.folder / "audio-384k-6ch" / segment.name).read_bytes())
    found = await verified(truth)
    assert {of for check, of in faults(found) if check in ("audio", "heard", "loudness")} == {"audio-384k-6ch"}


async def test_players_are_told_which_is_which(truth: Pipeline, tmp_path: Path) -> None:
    """German in stereo has no 5.1 of its own: there, it is heard as it is."""
    maps = ["-map", "0", "-map", "1", "-map", "2", "-ac:a:1", "2", "-c:a", "flac"]
    languages = ["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger"]
    inputs = [*counted(9), *rhythm(1), *rhythm(0.7)]
    await truth.process(make(tmp_path / "film.mkv", *inputs, *FILM, *maps, *languages))
    master = m3u8.load(str(truth.master))
    groups = {
        group: [(each.language, each.channels, str(each.uri).partition("/")[0]) for each in members]
        for group, members in itertools.groupby(master.media, key=lambda each: each.group_id)
    }
    assert groups == {
        "audio": [("en", "2", "audio-128k"), ("de", "2", "audio-2-128k")],
        "audio-surround": [("en", "6", "audio-384k-6ch"), ("de", "2", "audio-2-128k")],
        "audio-opus": [("en", "2", "audio-96k-opus"), ("de", "2", "audio-2-96k-opus")],
        "audio-opus-surround": [("en", "6", "audio-320k-opus-6ch"), ("de", "2", "audio-2-96k-opus")],
    }
    told = [(each.stream_info.audio, each.stream_info.codecs.partition(",")[2]) for each in master.playlists]
    assert told == [
        ("audio", "mp4a.40.2"),
        ("audio-surround", "mp4a.40.2"),
        ("audio-opus", "opus"),
        ("audio-opus-surround", "opus"),
    ]
    assert faults(await verified(truth)) == {}


async def test_a_ladder_of_before_is_read(truth: Pipeline, tmp_path: Path) -> None:
    """Plans and policies that were kept name no codec and no channels."""
    await truth.probe(beeping(tmp_path / "film.mov", 48_000, "-c:a", "pcm_s16le"))
    kept = json.loads(truth.plan.model_dump_json())
    kept["audio"] = [{"name": "audio-128k", "kbps": 128, "channels": 2}]
    plan = type(truth.plan).model_validate(kept)
    assert plan.audio_grid(plan.audio[0]).frame == 1024 and plan.target_duration == 4
    assert AudioRung.model_validate({"kbps": 64}) == AudioRung(kbps=64, codec="aac", channels=2)
