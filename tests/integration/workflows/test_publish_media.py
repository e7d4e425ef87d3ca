"""A media that is Ready is published again when its tracks are changed: its master changes, and no segment does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import m3u8
import pytest

from gilfoyle.api.pipeline import Pipeline
from gilfoyle.catalog import Media, MediaStatus
from gilfoyle.errors import Conflict, NotFound
from gilfoyle.media.text import webvtt
from gilfoyle.media.tracks import Role, Track, TrackKind
from gilfoyle.storage import keys
from gilfoyle.temporal.messages import publish_media_id
from tests.integration.activities.films import counted, lavfi, make
from tests.integration.workflows.service import Service
from tests.promises import nothing_promised

NewService = Callable[..., AbstractAsyncContextManager[Service]]
CUES = [webvtt.Cue(1000, 2000, "Hello"), webvtt.Cue(4000, 5000, "again")]


@pytest.fixture(scope="module")
def bilingual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds, in English and German."""
    audio = lavfi("sine=frequency=440:duration=6")
    return make(
        tmp_path_factory.mktemp("bilingual") / "film.mkv",
        *counted(6),
        *audio,
        *audio,
        *["-map", "0", "-map", "1", "-map", "2", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"],
        *["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger", "-disposition:a:0", "default"],
    )


async def ready(service: Service, source: Path) -> Media:
    media = await service.accept(source)
    await (await service.process(media)).result()
    return await service.media(media)


async def add(service: Service, media: Media, name: str, *, default: bool = False) -> Media:
    """What the API does."""
    storage = await service.parts.storages.of(media.storage)
    await storage.write(keys.text(media.id, name), webvtt.render(CUES).encode())
    track = Track(name=name, kind=TrackKind.TEXT, language="en", role=Role.CAPTION, default=default)
    return await service.parts.catalog.tracks.add(media.id, track)


async def publish(service: Service, media: Media) -> None:
    await Pipeline(service.parts.client, service.parts.settings).start_publishing(media)
    await service.parts.client.get_workflow_handle(publish_media_id(media.id)).result()


def chosen(service: Service, media: Media) -> list[tuple[str, str]]:
    """What the master offers: types and addresses."""
    master = m3u8.load(str(service.root / keys.master_playlist(media.id, media.encoding)))
    return [(each.type, each.uri) for each in master.media]


AUDIO = [("AUDIO", "audio-64k/index.m3u8"), ("AUDIO", "audio-2-64k/index.m3u8")]


async def test_a_text_is_added_renamed_and_removed_while_the_media_plays(
    new_service: NewService, bilingual: Path
) -> None:
    async with new_service() as service:
        media = await ready(service, bilingual)
        segments = {key: etag for key, etag in (await service.etags(media)).items() if not key.endswith("m3u8")}
        assert chosen(service, media) == AUDIO

        await publish(service, await add(service, media, "text-1", default=True))
        assert chosen(service, media) == [("SUBTITLES", "text-1/index.m3u8"), *AUDIO]
        (part,) = m3u8.load(str(service.playlist(media, "text-1"))).segments
        shown = webvtt.parse((service.playlist(media, "text-1").parent / str(part.uri)).read_bytes())
        assert shown == CUES

        edited, track = await service.parts.catalog.tracks.edit(media.id, "text-1", {"label": "Everything"})
        assert track.label == "Everything"
        await publish(service, edited)
        assert 'NAME="Everything"' in (service.root / keys.master_playlist(media.id, 1)).read_text()

        await publish(service, (await service.parts.catalog.tracks.remove(media.id, "text-1"))[0])
        assert chosen(service, media) == AUDIO
        assert not any("text" in key for key in await service.etags(media))
        now = await service.media(media)
        assert (now.status, now.changes, now.published, nothing_promised(now)) == (MediaStatus.READY, 3, 3, True)
        assert segments.items() <= (await service.etags(media)).items()


async def test_an_audio_track_is_taken_out_and_another_becomes_the_default(
    new_service: NewService, bilingual: Path
) -> None:
    async with new_service() as service:
        media, tracks = await ready(service, bilingual), service.parts.catalog.tracks
        with pytest.raises(Conflict):
            await tracks.remove(media.id, "audio")
        with pytest.raises(Conflict):
            await tracks.edit(media.id, "audio", {"default": False})
        with pytest.raises(NotFound, match="audio, audio-2, video"):
            await tracks.remove(media.id, "audio-3")
        await tracks.edit(media.id, "audio-2", {"default": True})
        changed, _ = await tracks.remove(media.id, "audio")
        await publish(service, changed)
        assert chosen(service, media) == AUDIO[1:]
        assert (await service.parts.catalog.tracks.of(media.id, 1))[-1].default
        assert service.playlist(media, "audio-64k").exists()


async def test_a_text_may_come_before_the_film_and_while_it_is_processed(
    new_service: NewService, bilingual: Path
) -> None:
    async with new_service() as service:
        media = await service.parts.catalog.medias.create("Film")
        await add(service, media, "text-early")
        media = await service.upload(media, bilingual)
        await add(service, media, "text-meanwhile")
        await (await service.process(media)).result()
        assert chosen(service, media)[:2] == [
            ("SUBTITLES", "text-early/index.m3u8"),
            ("SUBTITLES", "text-meanwhile/index.m3u8"),
        ]
        now = await service.media(media)
        assert now.is_unpublished and now.due_at is not None  # it is looked at, in case the last one came too late
        await publish(service, now)
        assert not (await service.media(media)).is_unpublished


async def test_who_publishes_at_once_does_not_undo_each_other(new_service: NewService, bilingual: Path) -> None:
    async with new_service() as service:
        media = await ready(service, bilingual)
        for number in range(8):
            changed = await add(service, media, f"text-{number}")
            await Pipeline(service.parts.client, service.parts.settings).start_publishing(changed)
        await service.parts.client.get_workflow_handle(publish_media_id(media.id)).result()
        assert [uri for kind, uri in chosen(service, media) if kind == "SUBTITLES"] == [
            f"text-{number}/index.m3u8" for number in range(8)
        ]


async def test_a_text_that_is_lost_is_left_out(new_service: NewService, bilingual: Path) -> None:
    async with new_service() as service:
        media = await ready(service, bilingual)
        changed = await add(service, media, "text-1")
        (service.root / keys.text(media.id, "text-1")).unlink()
        await publish(service, changed)
        assert chosen(service, media) == AUDIO


async def test_deleting_takes_the_texts_along(new_service: NewService, bilingual: Path) -> None:
    async with new_service() as service:
        media = await ready(service, bilingual)
        await publish(service, await add(service, media, "text-1"))
        await (await service.delete(media)).result()
        assert not (service.root / str(media.id)).exists()
