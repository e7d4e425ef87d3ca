"""The judge, on real streams: what is right agrees, and each thing that is spoiled is found."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from gilfoyle.activities.verify import VerifyActivities
from gilfoyle.config import StorageSettings
from gilfoyle.errors import EncodeFailed, ObjectNotFound
from gilfoyle.media.agreement.report import Agreement, Verdict
from gilfoyle.storage import Storages, keys
from gilfoyle.temporal.messages import VerifyMediaInput
from tests.clips import clip
from tests.heif import tiled
from tests.integration.activities.colour_kinds import HDR, KINDS, make
from tests.integration.activities.films import DEFAULT
from tests.integration.activities.pipeline import LIMITS, Pipeline
from tests.integration.activities.test_codecs import POLICY as CODECS
from tests.sources import FFMPEG, FFPROBE, numbered, run

BEEPS = "aevalsrc=0.8*sin(2*PI*1000*t)*lt(mod(t\\,0.7)\\,0.05+0.01*t):sample_rate=48000:duration=7"


async def verified(pipeline: Pipeline, *, has_video: bool = True) -> Agreement:
    """The judge's findings on what the pipeline has packaged."""
    packaged = await pipeline.package()
    storages = Storages(StorageSettings(), {"filesystem": pipeline.storage})
    judge = VerifyActivities(storages, FFMPEG, FFPROBE, threads=2, memory_mb=LIMITS.memory_mb, stall_s=60, nice=0)
    job = VerifyMediaInput(
        media_id=pipeline.media_id,
        encoding=1,
        has_video=has_video,
        renditions={each.name: each.stored_bytes for each in packaged.renditions},
    )
    return await pipeline.environment().run(judge.verify, job)


def faults(agreement: Agreement) -> dict[tuple[str, str], str]:
    return {
        (each.check, each.of): each.detail for each in agreement.findings if each.verdict == Verdict.DIFFERS
    }  # fmt: skip


@pytest.fixture(scope="module")
def beeping(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven seconds of numbered frames and beeps that get longer: each tells its place."""
    folder = tmp_path_factory.mktemp("beeping")
    mute = numbered(folder / "mute.mp4", "30", 210, audio=False)
    inputs = ["-i", str(mute), "-f", "lavfi", "-i", BEEPS]
    run(FFMPEG, "-v", "error", "-y", *inputs, "-c:v", "copy", "-c:a", "aac", str(folder / "film.mp4"))
    return folder / "film.mp4"


async def test_what_is_right_agrees_in_everything(pipeline: Pipeline, beeping: Path) -> None:
    await pipeline.process(beeping)
    found = await verified(pipeline)
    assert faults(found) == {}
    assert found.agrees
    assert {each.verdict for each in found.findings} == {Verdict.AGREES}
    for check in ("frames", "order", "beginning", "colour", "objects", "durations", "tfdt", "codecs", "bandwidth"):
        assert set(pipeline.video) <= {each.of for each in found.of(check)}, check
    for check in ("audio", "heard", "loudness", "objects", "durations", "tfdt"):
        assert set(pipeline.audio) <= {each.of for each in found.of(check)}, check
    assert [(each.source, each.stream) for each in found.of("frames")] == [("210", "210")] * 3


async def test_every_audio_track_and_every_codec_agrees(beeping: Path, tmp_path: Path) -> None:
    """Three audio tracks of different rates, and a ladder in four codecs."""
    rhythms = [BEEPS.replace("t\\,0.7", f"t\\,{pause}") for pause in (0.9, 1.1)]
    tones = [part for rhythm in rhythms for part in ("-f", "lavfi", "-i", rhythm)]
    maps = [
        "-map",
        "0",
        "-map",
        "1",
        "-map",
        "2",
        "-c",
        "copy",
        "-c:a:1",
        "aac",
        "-c:a:2",
        "aac",
        "-ac:a:1",
        "2",
        "-ac:a:2",
        "2",
    ]
    run(FFMPEG, "-v", "error", "-y", "-i", str(beeping), *tones, *maps, str(tmp_path / "film.mp4"))
    pipeline = Pipeline(tmp_path / "media", CODECS)
    await pipeline.process(tmp_path / "film.mp4")
    found = await verified(pipeline)
    assert faults(found) == {}
    assert {each.of for each in found.of("heard")} == {"audio-64k", "audio-2-64k", "audio-3-64k"}
    assert {each.of for each in found.of("codecs")} == {"180p", "180p-hevc", "180p-av1", "180p-vp9"}


async def test_every_audio_track_without_video_agrees(tmp_path: Path) -> None:
    rhythms = [BEEPS.replace("t\\,0.7", f"t\\,{pause}") for pause in (0.7, 0.9, 1.1)]
    tones = [part for rhythm in rhythms for part in ("-f", "lavfi", "-i", rhythm)]
    maps = ["-map", "0", "-map", "1", "-map", "2", "-c:a", "flac"]
    run(FFMPEG, "-v", "error", "-y", "-itsoffset", "1", *tones, *maps, str(tmp_path / "book.mka"))
    pipeline = Pipeline(tmp_path / "media", DEFAULT)
    await pipeline.process(tmp_path / "book.mka")
    found = await verified(pipeline, has_video=False)
    assert faults(found) == {}
    assert {each.of for each in found.of("heard")} == {*pipeline.audio} and len(pipeline.audio) == 6
    assert {each.of for each in found.of("bandwidth")} == {"audio-128k", "audio-64k"}


IMAGES = {
    "moving.gif": ["testsrc2=size=320x180:rate=10:duration=1"],
    "moving.avif": ["testsrc2=size=320x180:rate=10:duration=1", "-c:v", "libaom-av1", "-cpu-used", "8"],
    "sticker.gif": ["color=red@0:size=320x180:rate=10:duration=1,format=rgba,drawbox=w=90:h=90:c=red:t=fill:replace=1"],
    "photo.png": ["testsrc2=size=320x180", "-frames:v", "1"],
}


@pytest.mark.parametrize("name", IMAGES)
async def test_images_agree(name: str, lowest: Pipeline, tmp_path: Path) -> None:
    """An animated one is a film, one that stands still is shown for a few seconds."""
    run(FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", *IMAGES[name], str(tmp_path / name))
    await lowest.process(tmp_path / name)
    assert faults(await verified(lowest)) == {}


async def test_a_photo_in_tiles_agrees(lowest: Pipeline, tmp_path: Path) -> None:
    await lowest.process(tiled(tmp_path / "photo.avif", ["red", "blue"], (160, 180)))
    assert faults(await verified(lowest)) == {}


@pytest.mark.parametrize(
    "kind", ["hd says nothing", "full range", "rgb", "ycgco", "bt2020 of odd size", "display p3", "pq in rgb"]
)
async def test_colours_that_are_converted_agree(kind: str, lowest: Pipeline, tmp_path: Path) -> None:
    chosen = (KINDS | HDR)[kind]
    await lowest.process(make(tmp_path / chosen.name, chosen))
    assert faults(await verified(lowest)) == {}


@pytest.mark.parametrize("name", ["bigbuckbunny.mp4", "bikes.mp4"])
async def test_real_films_agree(name: str, lowest: Pipeline) -> None:
    await lowest.process(clip(name))
    found = await verified(lowest)
    assert faults(found) == {}


async def test_audio_only_agrees(lowest: Pipeline, tmp_path: Path) -> None:
    run(FFMPEG, "-v", "error", "-f", "lavfi", "-i", BEEPS, str(tmp_path / "song.flac"))
    await lowest.process(tmp_path / "song.flac")
    found = await verified(lowest, has_video=False)
    assert faults(found) == {}
    assert [each.verdict for each in found.of("audio")] == [Verdict.AGREES]


def damaged(data: bytes, *shares: tuple[float, float]) -> bytes:
    """With zeros from the one share of its length to the other."""
    out = bytearray(data)
    for begin, end in shares:
        first, last = int(begin * len(data)), int(end * len(data))
        out[first:last] = bytes(last - first)
    return bytes(out)


@pytest.mark.parametrize("ending", ["mp3", "ac3", "aac", "flac"])
async def test_packets_that_can_not_be_decoded_take_their_time(ending: str, lowest: Pipeline, tmp_path: Path) -> None:
    """In the middle and at the end: what is heard after them is in its place, and the end is silent."""
    whole, spoiled = tmp_path / f"whole.{ending}", tmp_path / f"spoiled.{ending}"
    run(FFMPEG, "-v", "error", "-f", "lavfi", "-i", BEEPS, str(whole))
    spoiled.write_bytes(damaged(whole.read_bytes(), (0.4, 0.41), (0.7, 0.71), (0.97, 0.99)))
    await lowest.process(spoiled)
    assert faults(await verified(lowest, has_video=False)) == {}


@pytest.mark.parametrize("damage", [(0.8, 1), (0.3, 1)])
async def test_the_last_frame_is_held_where_those_after_it_are_damaged(
    damage: tuple[float, float], lowest: Pipeline, beeping: Path, tmp_path: Path
) -> None:
    """So long that there are passes that find no frame at all."""
    fast, spoiled = tmp_path / "fast.mp4", tmp_path / "spoiled.mp4"
    run(FFMPEG, "-v", "error", "-i", str(beeping), "-c", "copy", "-movflags", "+faststart", str(fast))
    spoiled.write_bytes(damaged(fast.read_bytes(), damage))
    await lowest.process(spoiled)
    assert float(lowest.plan.grid.duration) == pytest.approx(7, abs=0.1)
    assert faults(await verified(lowest)) == {}


async def test_a_short_hole_in_the_audio_of_a_broadcast_stays_one(
    lowest: Pipeline, beeping: Path, tmp_path: Path
) -> None:
    """Of a short file, one was taken for the jitter of its stamps: all that came after was early."""
    whole, holey = tmp_path / "whole.ts", tmp_path / "holey.ts"
    run(
        FFMPEG, "-v", "error", "-i", str(beeping), "-t", "3", "-c:v", "copy", "-c:a", "mp2", "-muxdelay", "0",
        "-bsf:a", "noise=drop='between(n,40,42)'", str(whole)
    )  # fmt: skip
    shutil.copy(whole, holey)
    await lowest.process(holey)
    assert faults(await verified(lowest)) == {}


@pytest.mark.parametrize("shape", ["1000/1", "1/1000"])
async def test_pixels_of_an_absurd_shape_are_square(shape: str, lowest: Pipeline, tmp_path: Path) -> None:
    numbered(tmp_path / "film.mp4", "30", 60, filters=f"setsar={shape}")
    await lowest.process(tmp_path / "film.mp4")
    assert lowest.info.video and (lowest.info.video.width, lowest.info.video.height) == (320, 180)
    assert faults(await verified(lowest)) == {}


Spoil = Callable[[Path], None]


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def swap_segments(folder: Path) -> None:
    """Two segments change places, with their times: a player shows them at the wrong moment."""
    one, other = folder / "90p/00004.m4s", folder / "90p/00005.m4s"
    first, second = one.read_bytes(), other.read_bytes()
    at = first.index(b"tfdt") + 8
    one.write_bytes(second[:at] + first[at : at + 8] + second[at + 8 :])
    other.write_bytes(first[:at] + second[at : at + 8] + first[at + 8 :])


def lose_segment(folder: Path) -> None:
    (folder / "90p/00004.m4s").unlink()


def cut_segment(folder: Path) -> None:
    rewrite(folder / "90p/00004.m4s", lambda data: data[: len(data) // 2])


def spoil_frames(folder: Path) -> None:
    def other(data: bytes) -> bytes:
        at = data.index(b"mdat") + 4
        return data[: at + 200] + bytes(reversed(data[at + 200 :]))

    rewrite(folder / "90p/00004.m4s", other)


def delay_audio(folder: Path) -> None:
    """Each audio segment takes the place of the next one: half a second late."""
    files = sorted((folder / "audio-64k").glob("0*.m4s"))
    stored = [file.read_bytes() for file in files]
    for file, before, own in zip(files[1:], stored, stored[1:], strict=False):
        at = own.index(b"tfdt") + 8
        file.write_bytes(before[:at] + own[at : at + 8] + before[at + 8 :])


def shift_times(folder: Path) -> None:
    def later(data: bytes) -> bytes:
        at = data.index(b"tfdt") + 8
        return data[:at] + struct.pack(">Q", struct.unpack_from(">Q", data, at)[0] + 512) + data[at + 8 :]

    rewrite(folder / "90p/00006.m4s", later)


def rename_codec(folder: Path) -> None:
    rewrite(folder / "master.m3u8", lambda text: text.replace(b"avc1.", b"avc1.42"))


def stretch_playlist(folder: Path) -> None:
    rewrite(folder / "90p/index.m3u8", lambda text: text.replace(b"EXTINF:0.500000", b"EXTINF:0.600000", 1))


def forget_the_end(folder: Path) -> None:
    rewrite(folder / "90p/index.m3u8", lambda text: text.replace(b"#EXT-X-ENDLIST\n", b""))


def add_an_object(folder: Path) -> None:
    shutil.copyfile(folder / "90p/00001.m4s", folder / "90p/00099.m4s")


def break_the_master(folder: Path) -> None:
    (folder / "master.m3u8").write_text("no playlist")


@pytest.mark.parametrize(
    ("spoil", "checks"),
    [
        (swap_segments, {("order", "90p")}),
        (lose_segment, {("objects", "90p"), ("fragments", "90p")}),
        (cut_segment, {("objects", "90p"), ("fragments", "90p")}),
        (spoil_frames, {("decoding", "90p")}),
        (delay_audio, {("audio", "audio-64k")}),
        (shift_times, {("tfdt", "90p")}),
        (rename_codec, {("codecs", "90p")}),
        (stretch_playlist, {("durations", "90p")}),
        (forget_the_end, {("objects", "90p")}),
        (add_an_object, {("objects", "90p")}),
        (break_the_master, {("playlist", "stream"), ("frames", "stream"), ("audio", "stream")}),
    ],
)
async def test_what_is_spoiled_is_found(
    spoil: Spoil, checks: set[tuple[str, str]], lowest: Pipeline, beeping: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged = await lowest.process(beeping)
    spoil(lowest.folder)

    async def as_it_was(**_how: object) -> object:
        return packaged  # written again, the playlists would be right

    monkeypatch.setattr(lowest, "package", as_it_was)
    found = await verified(lowest)
    assert not found.agrees
    assert checks <= faults(found).keys(), faults(found)


async def spoiled_source(pipeline: Pipeline, source: Path, other: Path) -> dict[tuple[str, str], str]:
    """What is found if the stream was made of another file."""
    await pipeline.process(source)
    pipeline.store(other)
    return faults(await verified(pipeline))


async def test_a_stream_that_lacks_the_end_of_its_source(lowest: Pipeline, beeping: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    run(FFMPEG, "-v", "error", "-i", str(beeping), "-t", "5", "-c:v", "libx264", "-c:a", "aac", str(cut))
    found = await spoiled_source(lowest, cut, beeping)
    assert found[("frames", "90p")] == "60 frames at the end are not in the stream."
    assert found[("length", "stream")].endswith("s shorter.")
    assert ("heard", "audio-64k") in found


async def test_audio_that_is_late_quieter_or_of_another_colour(lowest: Pipeline, beeping: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.mp4"
    run(
        FFMPEG, "-v", "error", "-i", str(beeping), "-vf", "eq=brightness=0.04",
        "-af", "adelay=40,volume=0.5,atrim=duration=7", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac",
        str(changed),
    )  # fmt: skip
    found = await spoiled_source(lowest, changed, beeping)
    assert found[("audio", "audio-64k")] == "It is 40 ms late in the minute from 0 s on."
    assert found[("loudness", "audio-64k")] == "It is 6.0 dB quieter."
    assert ("colour", "90p") in found


async def test_frames_that_were_lost_on_the_way(lowest: Pipeline, tmp_path: Path) -> None:
    whole = numbered(tmp_path / "whole.mp4", "30", 90)
    holey = numbered(tmp_path / "holey.mp4", "30", 90, filters="select='not(between(n,40,42))'")
    found = await spoiled_source(lowest, holey, whole)
    assert found[("frames", "90p")] == "3 frames are missing (number 40, number 41, number 42)."


async def test_a_clock_that_begins_anew_is_followed(lowest: Pipeline, tmp_path: Path) -> None:
    """Two recordings in one file: all of both must be in the stream."""
    film = numbered(tmp_path / "film.ts", "25", 75)
    twice = tmp_path / "twice.ts"
    twice.write_bytes(film.read_bytes() * 2)
    found = await spoiled_source(lowest, film, twice)
    assert found[("frames", "90p")].startswith("75 frames at the end")


async def test_a_source_that_is_gone_bad_is_said(lowest: Pipeline, beeping: Path, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear all, this is not a film.")
    await lowest.process(beeping)
    lowest.store(tmp_path / "letter")
    with pytest.raises(EncodeFailed) as caught:
        await verified(lowest)
    assert caught.value.reason == "source_changed"


async def test_a_source_that_is_missing_is_said_by_the_storage(lowest: Pipeline, beeping: Path) -> None:
    await lowest.process(beeping)
    await lowest.storage.delete(keys.source(lowest.media_id))
    with pytest.raises(ObjectNotFound):
        await verified(lowest)
