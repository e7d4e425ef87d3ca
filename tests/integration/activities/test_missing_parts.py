"""Files of which a part can't be played, or is of no interest: the rest plays, and what is missing is said."""

from __future__ import annotations

import base64
import struct
from pathlib import Path

import pytest

from gilfoyle.errors import UnsupportedMedia
from tests.integration.activities.pipeline import Pipeline, packets
from tests.sources import FFMPEG, numbered, run


def film(folder: Path, name: str = "film.mp4", *options: str) -> Path:
    return numbered(folder / name, "25", 50, options=options)


def retagged(path: Path, old: bytes, new: bytes) -> Path:
    """With another name for a codec in its sample entry."""
    data = path.read_bytes()
    assert data.count(old + bytes(4)) == 1
    path.write_bytes(data.replace(old + bytes(4), new + bytes(4)))
    return path


def with_audio_as(tag: bytes, folder: Path) -> Path:
    """A film whose audio says that it is in a codec that it isn't in."""
    return retagged(film(folder, "film.mov", "-c:a", "pcm_s16le"), b"sowt", tag)


@pytest.mark.parametrize("tag", [b"ac-4", b"mhm1", b"apac", b"zzzz"])
async def test_audio_without_a_decoder(tag: bytes, lowest: Pipeline, tmp_path: Path) -> None:
    packaged = await lowest.process(with_audio_as(tag, tmp_path))
    assert packaged.playable and lowest.audio == []
    assert lowest.numbers() == {"90p": list(range(50))}
    (warning,) = lowest.info.warnings
    assert warning.code == "audio_undecodable" and "without its sound" in warning.message


@pytest.mark.parametrize("tag", [b"evc1", b"zzzz"])
async def test_video_without_a_decoder(tag: bytes, lowest: Pipeline, tmp_path: Path) -> None:
    packaged = await lowest.process(retagged(film(tmp_path), b"avc1", tag))
    assert packaged.playable and (lowest.video, lowest.audio) == ([], ["audio-64k"])
    assert [warning.code for warning in lowest.info.warnings] == ["video_undecodable"]


async def test_nothing_with_a_decoder(lowest: Pipeline, tmp_path: Path) -> None:
    source = retagged(with_audio_as(b"ac-4", tmp_path), b"avc1", b"evc1")
    with pytest.raises(UnsupportedMedia, match=r"no decoder .*ac4") as refused:
        await lowest.probe(source)
    assert refused.value.reason == "no_decoder"


async def test_seventy_fonts_and_subtitles(lowest: Pipeline, tmp_path: Path) -> None:
    font, lines = tmp_path / "font.ttf", tmp_path / "lines.srt"
    font.write_bytes(bytes(2000))
    lines.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    fonts = ["-attach", str(font)] * 40
    texts = [word for _ in range(40) for word in ("-map", "1")]
    source = tmp_path / "subtitled.mkv"
    run(
        FFMPEG, "-v", "error", "-y", "-i", str(film(tmp_path)), "-i", str(lines), "-map", "0", *texts, "-c", "copy",
        *fonts, "-metadata:s:t", "mimetype=application/x-truetype-font", str(source),
    )  # fmt: skip
    await lowest.process(source)
    assert lowest.numbers() == {"90p": list(range(50))}
    assert lowest.info.warnings == []


@pytest.mark.parametrize("duration", [10**7, 0xFFFFFFFF])
async def test_a_film_that_claims_to_last_for_weeks(duration: int, lowest: Pipeline, tmp_path: Path) -> None:
    """In the header of the whole alone; its tracks say what is right."""
    data = bytearray(film(tmp_path).read_bytes())
    at = data.index(b"mvhd") + 4 + 16
    data[at : at + 4] = duration.to_bytes(4, "big")
    source = tmp_path / "weeks.mp4"
    source.write_bytes(data)
    await lowest.process(source)
    assert lowest.numbers() == {"90p": list(range(50))}


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"avif", b"M4A "])
async def test_a_film_under_a_brand_of_another_kind(brand: bytes, lowest: Pipeline, tmp_path: Path) -> None:
    data = film(tmp_path).read_bytes()
    source = tmp_path / "branded.mp4"
    source.write_bytes(data[:8] + brand + data[12:])
    await lowest.process(source)
    assert lowest.numbers() == {"90p": list(range(50))}


async def test_a_tiny_preview_that_is_marked_as_the_default(lowest: Pipeline, tmp_path: Path) -> None:
    preview = numbered(tmp_path / "preview.mp4", "25", 10, size=(128, 72), audio=False)
    source = tmp_path / "camera.mkv"
    run(
        FFMPEG, "-v", "error", "-y", "-i", str(preview), "-i", str(film(tmp_path)), "-map", "0", "-map", "1",
        "-c", "copy", "-disposition:v:0", "default", "-disposition:v:1", "0", str(source),
    )  # fmt: skip
    await lowest.process(source)
    assert lowest.numbers() == {"90p": list(range(50))}


@pytest.mark.parametrize("name", ["two.mkv", "two.mp4"])
async def test_a_still_before_the_film(name: str, lowest: Pipeline, tmp_path: Path) -> None:
    """It is the default one, and as large."""
    source = tmp_path / name
    run(
        FFMPEG, "-v", "error", "-y", "-i", str(cover(tmp_path, "320x180")), "-i", str(film(tmp_path)), "-map", "0",
        "-map", "1", "-c", "copy", "-disposition:v:0", "default", "-disposition:v:1", "0", str(source),
    )  # fmt: skip
    await lowest.process(source)
    (shown,) = lowest.numbers().values()
    assert list(dict.fromkeys(shown)) == list(range(50))


async def test_a_timecode_track_and_thumbnails_are_no_films(lowest: Pipeline, tmp_path: Path) -> None:
    cover = tmp_path / "cover.jpg"
    run(FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", "color=red:size=600x600", "-frames:v", "1", str(cover))
    source = tmp_path / "film.mov"
    run(
        FFMPEG, "-v", "error", "-y", "-i", str(cover), "-i", str(film(tmp_path)), "-map", "0", "-map", "1",
        "-c", "copy", "-disposition:v:0", "attached_pic", "-timecode", "01:00:00:00", "-f", "mp4", str(source),
    )  # fmt: skip
    await lowest.process(source)
    assert lowest.numbers() == {"90p": list(range(50))}


def cover(folder: Path, size: str = "600x600", name: str = "cover.png", *options: str) -> Path:
    path = folder / name
    made = ["-f", "lavfi", "-i", f"color=red:size={size}", "-frames:v", "1", *options]
    run(FFMPEG, "-v", "error", "-y", *made, str(path))
    return path


def song(path: Path, image: Path, *options: str) -> Path:
    tone = ["-f", "lavfi", "-i", "sine=duration=2"]
    both = ["-i", str(image), "-map", "0", "-map", "1", "-c:v", "copy"]
    run(FFMPEG, "-v", "error", "-y", *tone, *both, *options, str(path))
    return path


COVER = ["-disposition:v", "attached_pic"]


@pytest.mark.parametrize("name", ["song.mp3", "song.m4a", "song.flac", "song.mp4"])
async def test_a_song_with_an_enormous_cover(name: str, lowest: Pipeline, tmp_path: Path) -> None:
    await lowest.probe(song(tmp_path / name, cover(tmp_path, "8400x8400", "cover.png", "-pix_fmt", "monob"), *COVER))
    assert (lowest.video, lowest.audio, lowest.info.warnings) == ([], ["audio-64k"], [])


async def test_a_cover_in_ogg(lowest: Pipeline, tmp_path: Path) -> None:
    """A comment, METADATA_BLOCK_PICTURE, in base64."""
    data = cover(tmp_path).read_bytes()
    block = struct.pack(">II", 3, 9) + b"image/png" + struct.pack(">IIIIII", 0, 600, 600, 24, 0, len(data)) + data
    source = tmp_path / "song.ogg"
    comment = f"metadata_block_picture={base64.b64encode(block).decode()}"
    tone = ["-f", "lavfi", "-i", "sine=duration=2", "-c:a", "libvorbis"]
    run(FFMPEG, "-v", "error", "-y", *tone, "-metadata", comment, str(source))
    await lowest.process(source)
    assert (lowest.video, lowest.audio, lowest.info.warnings) == ([], ["audio-64k"], [])


async def test_a_cover_in_matroska(lowest: Pipeline, tmp_path: Path) -> None:
    source = tmp_path / "song.mka"
    attached = ["-attach", str(cover(tmp_path, name="cover.jpg")), "-metadata:s:t", "mimetype=image/jpeg"]
    run(FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", "sine=duration=2", *attached, str(source))
    await lowest.process(source)
    assert (lowest.video, lowest.audio, lowest.info.warnings) == ([], ["audio-64k"], [])


async def test_a_cover_written_as_a_track(lowest: Pipeline, tmp_path: Path) -> None:
    """In a file that says that it is a song."""
    made = song(tmp_path / "song.mp4", cover(tmp_path, name="cover.jpg"))
    data = made.read_bytes()
    made.write_bytes(data[:8] + b"M4A " + data[12:])
    await lowest.process(made)
    assert (lowest.video, lowest.audio, lowest.info.warnings) == ([], ["audio-64k"], [])


@pytest.mark.parametrize("name", ["video.mkv", "video.mp4", "video.mov"])
@pytest.mark.parametrize("image", ["cover.png", "cover.jpg"])
async def test_one_image_under_a_song_is_held(name: str, image: str, lowest: Pipeline, tmp_path: Path) -> None:
    """Made to be a video: it is one."""
    await lowest.process(song(tmp_path / name, cover(tmp_path, "320x180", image)))
    (shown,) = [packets(lowest.playlist(video)) for video in lowest.video]
    assert float(shown[-1][1]) == pytest.approx(2, abs=0.1)
    assert (lowest.audio, lowest.info.warnings) == (["audio-64k"], [])


async def test_a_video_track_that_is_empty(lowest: Pipeline, tmp_path: Path) -> None:
    """It is declared, and not a frame was written: a recorder whose camera was off."""
    source = tmp_path / "film.ts"
    made = numbered(tmp_path / "whole.ts", "25", 50)
    data = made.read_bytes()
    packet = [data[at : at + 188] for at in range(0, len(data), 188)]
    source.write_bytes(b"".join(each for each in packet if (each[1] & 0x1F, each[2]) != (1, 0)))
    await lowest.process(source)
    assert (lowest.video, lowest.audio) == ([], ["audio-64k"])
    assert [warning.code for warning in lowest.info.warnings] == ["video_undecodable"]
