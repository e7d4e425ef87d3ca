"""A media that is Ready is replaced by its next version: what plays stays until that is ready, and then gives way."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from temporalio.client import WorkflowFailureError

from gilfoyle.api.pipeline import Pipeline
from gilfoyle.catalog import Database, Media, MediaKind, MediaStatus
from gilfoyle.errors import Conflict, NotFound
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.media.tracks import Role, Track, TrackKind
from gilfoyle.storage import keys
from gilfoyle.temporal.messages import process_media_id
from tests.integration.activities.pipeline import LOWEST, SMALL
from tests.integration.workflows.service import Service
from tests.integration.workflows.test_recovered import looker
from tests.promises import nothing_promised


class Replacing:
    """What the API does."""

    def __init__(self, service: Service) -> None:
        self._service = service
        settings = service.parts.settings
        storage = settings.storage.model_copy(update={"replaced_keep_s": 0})
        settings = settings.model_copy(update={"storage": storage, "encoding": LOWEST})
        self.pipeline = Pipeline(service.parts.client, settings)
        self._catalog = service.parts.catalog

    async def upload(self, media: Media, source: Path) -> int:
        """Another file in place of the one that it has; returns the number of the version that is made of it."""
        now = await self._catalog.medias.get(media.id)
        place = self._service.root / keys.source(media.id, now.next_upload)
        shutil.copyfile(source, place)
        size = place.stat().st_size
        now = await self._catalog.uploads.accept(
            media.id, kind=MediaKind.VIDEO, file_name=source.name, size=size, sha256="1" * 64, replace=True
        )
        return await self._begin(now)

    async def encode(self, media: Media, policy: EncodingPolicy | None = None) -> int:
        given = policy.model_dump(mode="json") if policy else None
        now, _replacement = await self._catalog.replacements.encode(media.id, given)
        return await self._begin(now)

    async def again(self, media: Media) -> int:
        now, _replacement = await self._catalog.replacements.begin_again(media.id)
        return await self._begin(now)

    async def drop(self, media: Media) -> None:
        _media, replacement = await self._catalog.replacements.drop(media.id)
        await self.pipeline.cancel_replacing(media.id, replacement.encoding)

    async def ended(self, media: Media, version: int) -> None:
        """Raises WorkflowFailureError."""
        await self._service.parts.client.get_workflow_handle(process_media_id(media.id, version)).result()

    async def _begin(self, media: Media) -> int:
        replacement = await self._catalog.replacements.of(media.id)
        assert replacement
        await self.pipeline.start_replacing(media, replacement)
        return replacement.encoding


async def ready(service: Service, source: Path) -> Media:
    media = await service.accept(source)
    await (await service.process(media, LOWEST)).result()
    return await service.media(media)


def folders(service: Service, media: Media) -> set[str]:
    return {path.name for path in (service.root / str(media.id)).iterdir()}


async def test_another_file_takes_the_place_while_the_first_plays(
    service: Service, film: Path, long_film: Path
) -> None:
    media = await ready(service, film)
    replacing = Replacing(service)
    version = await replacing.upload(media, long_film)
    during = await service.media(media)
    assert (during.status, during.playable, during.encoding, during.upload) == (MediaStatus.READY, True, 1, 1)
    assert (service.root / keys.master_playlist(media.id, 1)).exists()

    await replacing.ended(media, version)
    after = await service.media(media)
    assert (after.status, after.encoding, after.upload, nothing_promised(after)) == (MediaStatus.READY, 2, 2, True)
    assert (after.file_name, after.source_sha256, after.id) == (long_film.name, "1" * 64, media.id)
    assert after.duration_s and media.duration_s and after.duration_s > media.duration_s
    assert folders(service, media) == {"2", "source-2"}
    assert await service.parts.catalog.replacements.of(media.id) is None
    assert {row.status for row in (await service.renditions(after)).values()} == {"Ready"}


async def test_the_same_source_is_encoded_anew_by_another_ladder(service: Service, film: Path) -> None:
    media = await ready(service, film)
    replacing = Replacing(service)
    version = await replacing.encode(media, SMALL)
    await replacing.ended(media, version)
    after = await service.media(media)
    assert (after.encoding, after.upload) == (2, 1)
    assert set(await service.renditions(after)) > set(await service.renditions(media))
    assert folders(service, media) == {"2", "source"}


async def test_what_people_said_of_its_tracks_stays_when_the_same_source_is_encoded_anew(
    service: Service, film: Path
) -> None:
    media = await ready(service, film)
    (name,) = [each.name for each in await service.parts.catalog.tracks.of(media.id, 1) if each.kind == "audio"]
    for language in ("en", "fr"):
        text = Track(name=f"text-{language}", kind=TrackKind.TEXT, language=language, role=Role.CAPTION)
        await service.parts.catalog.tracks.add(media.id, text)
    changes = {"language": "de", "label": "Kommentar", "role": Role.COMMENTARY}
    replacing = Replacing(service)
    version = await replacing.encode(media)
    await service.until_scheduled(
        service.parts.client.get_workflow_handle(process_media_id(media.id, version)), "package"
    )
    await service.parts.catalog.tracks.edit(media.id, name, changes)  # while it is made, too
    await replacing.ended(media, version)
    (track,) = [each for each in await service.parts.catalog.tracks.of(media.id, 2) if each.kind == "audio"]
    assert (track.language, track.label, track.role, track.default) == ("de", "Kommentar", Role.COMMENTARY, True)
    texts = [each for each in await service.parts.catalog.tracks.of(media.id, 2) if each.kind == "text"]
    assert [(each.name, each.language) for each in texts] == [("text-en", "en"), ("text-fr", "fr")]


async def test_what_can_not_be_played_leaves_the_version_of_now(service: Service, film: Path, tmp_path: Path) -> None:
    media = await ready(service, film)
    replacing = Replacing(service)
    (tmp_path / "note.txt").write_bytes(b"nothing that anybody could play" * 100)
    version = await replacing.upload(media, tmp_path / "note.txt")
    with pytest.raises(WorkflowFailureError):
        await replacing.ended(media, version)
    after = await service.media(media)
    assert (after.status, after.playable, after.encoding, nothing_promised(after)) == (MediaStatus.READY, True, 1, True)
    failed = await service.parts.catalog.replacements.of(media.id)
    assert failed and (failed.status, failed.error_code) == (MediaStatus.ERRORED, "not_media")
    assert folders(service, media) == {"1", "source"}
    with pytest.raises(Conflict, match="upload another"):
        await replacing.again(media)
    await replacing.ended(media, await replacing.upload(media, film))
    assert folders(service, media) == {"3", "source-3"}


@pytest.mark.slow
async def test_one_that_failed_is_tried_again_and_its_source_was_kept(
    service: Service, film: Path, long_film: Path
) -> None:
    media = await ready(service, film)
    replacing = Replacing(service)
    version = await replacing.upload(media, long_film)
    handle = service.parts.client.get_workflow_handle(process_media_id(media.id, version))
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    await service.parts.catalog.encodings.fail(media.id, "cancelled", "Somebody cancelled it.", version)
    assert "source-2" in folders(service, media)
    again = await replacing.again(media)
    assert again == version + 1
    await replacing.ended(media, again)
    assert (await service.media(media)).encoding == again
    assert folders(service, media) - {str(version)} == {str(again), "source-2"}


async def test_one_that_is_given_up_leaves_nothing(service: Service, film: Path, long_film: Path) -> None:
    media = await ready(service, film)
    replacing = Replacing(service)
    version = await replacing.upload(media, long_film)
    await service.until_scheduled(
        service.parts.client.get_workflow_handle(process_media_id(media.id, version)), "package"
    )
    with pytest.raises(Conflict, match="being replaced"):
        await replacing.encode(media)
    await replacing.drop(media)
    with pytest.raises(WorkflowFailureError):
        await replacing.ended(media, version)
    assert folders(service, media) == {"1", "source"}
    after = await service.media(media)
    assert (after.status, after.encoding, nothing_promised(after)) == (MediaStatus.READY, 1, True)
    with pytest.raises(NotFound):
        await replacing.drop(media)


async def test_it_is_given_up_while_temporal_is_away(service: Service, film: Path, long_film: Path) -> None:
    """Its workflow goes on, for it does not know; at its end it finds that nobody wants it."""
    media = await ready(service, film)
    replacing = Replacing(service)
    version = await replacing.upload(media, long_film)
    await service.parts.catalog.replacements.drop(media.id)
    with suppress(WorkflowFailureError):
        await replacing.ended(media, version)
    assert folders(service, media) == {"1", "source"}
    assert (await service.media(media)).encoding == 1


async def test_a_media_is_deleted_while_it_is_replaced(service: Service, film: Path, long_film: Path) -> None:
    media = await ready(service, film)
    replacing = Replacing(service)
    await replacing.upload(media, long_film)
    await (await service.delete(media)).result()
    assert not (service.root / str(media.id)).exists()
    with pytest.raises(NotFound):
        await service.media(media)


async def test_one_that_was_lost_is_begun_again(
    service: Service, database: Database, film: Path, long_film: Path
) -> None:
    media = await ready(service, film)
    # Accepted, and then Temporal was away: nobody has begun it.
    shutil.copyfile(long_film, service.root / keys.source(media.id, 2))
    size = long_film.stat().st_size
    await service.parts.catalog.uploads.accept(
        media.id, kind=MediaKind.VIDEO, file_name=None, size=size, sha256="1" * 64, replace=True
    )
    look = looker(service, database)
    await look()
    await service.until(media, lambda found: found.encoding == 2)  # its workflow keeps the version before for a day
    await (await service.delete(media)).result()
    assert not (service.root / str(media.id)).exists()


async def test_an_operator_ends_it_and_the_media_says_so(
    service: Service, database: Database, film: Path, long_film: Path
) -> None:
    media = await ready(service, film)
    replacing = Replacing(service)
    version = await replacing.upload(media, long_film)
    await service.parts.client.get_workflow_handle(process_media_id(media.id, version)).terminate()
    look = looker(service, database)
    await look()
    failed = await service.parts.catalog.replacements.of(media.id)
    assert failed and (failed.status, failed.error_code) == (MediaStatus.ERRORED, "cancelled")
    after = await service.media(media)
    assert (after.status, after.encoding, nothing_promised(after)) == (MediaStatus.READY, 1, True)


async def test_the_version_before_stays_for_those_who_play_it(service: Service, film: Path) -> None:
    media = await ready(service, film)
    replacing = Replacing(service)
    keep = service.parts.settings.storage.model_copy(update={"replaced_keep_s": 3})
    settings = service.parts.settings.model_copy(update={"storage": keep, "encoding": LOWEST})
    replacing.pipeline = Pipeline(service.parts.client, settings)
    version = await replacing.encode(media)
    await service.until(media, lambda found: found.encoding == version)
    assert folders(service, media) == {"1", "2", "source"}
    await replacing.ended(media, version)
    assert folders(service, media) == {"2", "source"}
