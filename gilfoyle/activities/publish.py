"""Publishing a Ready media again: the inputs of its playlists, and the result."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ValidationError
from temporalio import activity

from gilfoyle.activities.package import PackageInput
from gilfoyle.catalog import FINAL, Catalog, RenditionStatus
from gilfoyle.errors import NotFound
from gilfoyle.media.plan import Plan
from gilfoyle.storage import Storages, keys


class ChangedMediaInput(BaseModel):
    """Which media."""

    media_id: UUID


class ChangedMedia(BaseModel):
    """What must be published, and what is published now. `package` is None if there is nothing to do."""

    package: PackageInput | None = None
    cid: str | None = None
    """The CID of the encoding's folder as published in IPFS."""


class PublishedInput(BaseModel):
    """What was published. `cid`: the new CID of the encoding's folder in IPFS."""

    media_id: UUID
    encoding: int
    changes: int
    cid: str | None = None


class ClearTextsInput(BaseModel):
    """Where the texts of a media lie."""

    media_id: UUID
    encoding: int
    storage: str


class PublishActivities:
    """Every activity is idempotent. On the pipeline queue, except `clear_texts`, which is on the io queue."""

    def __init__(self, storages: Storages, catalog: Catalog) -> None:
        self._storages = storages
        self._catalog = catalog

    @activity.defn
    async def changed_media(self, job: ChangedMediaInput) -> ChangedMedia:
        """What to publish: nothing if all is published, the media is not Ready, or another workflow publishes it."""
        try:
            media = await self._catalog.medias.get(job.media_id)
        except NotFound:
            return ChangedMedia()
        if not media.is_unpublished:
            return ChangedMedia()
        recipe = await self._catalog.encodings.recipe(media.id, media.encoding)
        rows = await self._catalog.medias.renditions(media.id, media.encoding)
        if any(row.status not in FINAL for row in rows):
            return ChangedMedia()  # one is tried again, and its end publishes the tracks of then
        try:
            plan = Plan.model_validate(recipe.plan) if recipe else None
        except ValidationError:
            plan = None
        if plan is None:  # a release that did not keep how, or kept it in other words: its playlists stay as they are
            await self._catalog.tracks.published(media.id, media.encoding, media.changes)
            return ChangedMedia()
        package = PackageInput(
            media_id=media.id,
            encoding=media.encoding,
            storage=media.storage,
            plan=plan.model_copy(update={"passes": []}),
            failed=[row.name for row in rows if row.status == RenditionStatus.ERRORED],
            final=True,
        )
        return ChangedMedia(package=package, cid=media.cid)

    @activity.defn
    async def published(self, job: PublishedInput) -> None:
        """Note that the playlists contain these changes."""
        await self._catalog.tracks.published(job.media_id, job.encoding, job.changes, job.cid)

    @activity.defn
    async def clear_texts(self, job: ClearTextsInput) -> int:
        """Remove the objects of removed texts; returns how many there were. Raises StorageError."""
        names = await self._catalog.tracks.removed_texts(job.media_id)
        if not names:
            return 0
        storage = await self._storages.of(job.storage)
        removed = 0
        for name in names:
            removed += 1 + await storage.delete_prefix(keys.rendition_prefix(job.media_id, job.encoding, name))
            await storage.delete(keys.text(job.media_id, name))
        await self._catalog.tracks.forget(job.media_id, names)
        return removed
