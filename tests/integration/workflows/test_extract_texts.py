"""Texts that a source has: tracks beside its video and audio, at their time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import m3u8
import pytest

from gilfoyle.catalog import Media
from gilfoyle.media.text import webvtt
from gilfoyle.storage import keys
from tests.integration.activities.films import counted, lavfi, make
from tests.integration.workflows.service import Service

NewService = Callable[..., AbstractAsyncContextManager[Service]]
SRT = "1\n00:00:01,000 --> 00:00:02,000\nHello <i>there</i>\n\n2\n00:00:04,500 --> 00:00:05,000\nand bye\n"
ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,20

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\pos(10,10)}Guten Tag
"""


def film(folder: Path, name: str, *options: str, texts: tuple[str, ...] = (SRT,)) -> Path:
    """Six seconds with those texts."""
    inputs, maps = [], ["-map", "0", "-map", "1"]
    for number, text in enumerate(texts):
        path = folder / f"{number}.{'ass' if text.startswith('[') else 'srt'}"
        path.write_text(text)
        inputs += ["-i", str(path)]
        maps += ["-map", str(number + 2)]
    video = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"]
    return make(folder / name, *counted(6), *lavfi("sine=duration=6"), *inputs, *maps, *video, *options)


async def ready(service: Service, source: Path) -> Media:
    media = await service.accept(source)
    await (await service.process(media)).result()
    return await service.media(media)


def cues(service: Service, media: Media, track: str) -> list[tuple[int, int, str]]:
    playlist = m3u8.load(str(service.playlist(media, track)))
    assert playlist.is_endlist
    parts = [(service.playlist(media, track).parent / str(each.uri)).read_bytes() for each in playlist.segments]
    return [(cue.start, cue.end, cue.text) for part in parts for cue in webvtt.parse(part)]


def listed(service: Service, media: Media) -> list[tuple[str, str | None]]:
    master = m3u8.load(str(service.root / keys.master_playlist(media.id, media.encoding)))
    return [(each.uri, each.language) for each in master.media if each.type == "SUBTITLES"]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("film.mkv", "srt"),
        ("film.mp4", "mov_text"),
        ("film.mkv", "ass"),
        ("film.mov", "mov_text"),
        ("sub.mkv", "webvtt"),
    ],
)
async def test_a_text_is_a_track(name: str, codec: str, new_service: NewService, tmp_path: Path) -> None:
    source = film(tmp_path, name, "-c:s", codec, "-metadata:s:s:0", "language=eng")
    async with new_service() as service:
        media = await ready(service, source)
        assert listed(service, media) == [("text/index.m3u8", "en")]
        assert cues(service, media, "text") == [(1000, 2000, "Hello <i>there</i>"), (4500, 5000, "and bye")]
        assert await service.warnings(media) == []


async def test_several_texts_each_by_itself(new_service: NewService, tmp_path: Path) -> None:
    languages = ["-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=ger"]
    source = film(tmp_path, "film.mkv", *languages, "-disposition:s:1", "forced", texts=(SRT, ASS))
    async with new_service() as service:
        media = await ready(service, source)
        assert listed(service, media) == [("text/index.m3u8", "en"), ("text-2/index.m3u8", "de")]
        assert [text for _, _, text in cues(service, media, "text-2")] == ["Guten Tag"]
        tracks = await service.parts.catalog.tracks.of(media.id, 1)
        assert [(track.name, track.role) for track in tracks[-2:]] == [("text", "subtitle"), ("text-2", "forced")]


async def test_times_are_those_of_the_media_whatever_the_containers_clock(
    new_service: NewService, tmp_path: Path
) -> None:
    source = film(tmp_path, "film.mkv", "-output_ts_offset", "3600")
    async with new_service() as service:
        media = await ready(service, source)
        assert [start for start, _, _ in cues(service, media, "text")] == pytest.approx([1000, 4500], abs=2)


async def test_a_text_without_a_word_is_no_track(new_service: NewService, tmp_path: Path) -> None:
    source = film(tmp_path, "film.mkv", texts=(SRT, "1\n00:00:01,000 --> 00:00:02,000\n \n"))
    async with new_service() as service:
        media = await ready(service, source)
        assert listed(service, media) == [("text/index.m3u8", None)]
        assert len(await service.parts.catalog.tracks.of(media.id, 1)) == 3


async def test_a_film_that_was_cut_short_has_the_texts_up_to_there(new_service: NewService, tmp_path: Path) -> None:
    source = film(tmp_path, "film.mkv")
    source.write_bytes(source.read_bytes()[: int(source.stat().st_size * 0.7)])
    async with new_service() as service:
        media = await ready(service, source)
        assert cues(service, media, "text")[0] == (1000, 2000, "Hello <i>there</i>")
