"""Extract: the texts of a source, as tracks beside its video and audio."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from uuid import UUID

from pydantic import BaseModel
from temporalio import activity

from gilfoyle.activities.package import store_text
from gilfoyle.catalog import Catalog
from gilfoyle.errors import InvalidRequest
from gilfoyle.ffmpeg.encode import encode
from gilfoyle.ffmpeg.process import ProcessFailed
from gilfoyle.ffmpeg.source import Source, opened
from gilfoyle.media.ffmpeg import texts_command
from gilfoyle.media.info import MediaInfo
from gilfoyle.media.plan import Plan
from gilfoyle.media.text import webvtt
from gilfoyle.media.tracks import Track, TrackKind
from gilfoyle.storage import Storages, keys

log = logging.getLogger(__name__)

_MOST_BYTES = 16 << 20
"""The limit for one text: hours of dialogue take a hundredth of it."""
_NICE = 10


class ExtractInput(BaseModel):
    """`plan` without its passes."""

    media_id: UUID
    encoding: int
    upload: int = 1
    storage: str = ""
    info: MediaInfo
    plan: Plan


class ExtractActivities:
    """On the io queue: nothing is decoded, but all of the source is read."""

    def __init__(self, storages: Storages, catalog: Catalog, ffmpeg: str, *, memory_mb: int, stall_s: float) -> None:
        self._storages = storages
        self._catalog = catalog
        self._ffmpeg = ffmpeg
        self._memory_mb = memory_mb
        self._stall_s = stall_s

    @activity.defn
    async def extract_texts(self, job: ExtractInput) -> int:
        """Store each text in segments; returns how many texts there are. Empty texts are removed.

        A text that can't be read is left out, and the film still plays. Raises StorageError.
        """
        storage = await self._storages.of(job.storage)
        async with opened(storage, keys.source(job.media_id, job.upload)) as source:
            found = await self._read(job, source)
        tracks = {track.stream: track for track in job.plan.tracks if track.kind == TrackKind.TEXT}
        useless: list[Track] = []
        for text, data in zip(job.info.texts, found, strict=True):
            track = tracks[text.index]
            try:
                cues = webvtt.shifted(webvtt.parse(data), -round(job.plan.origin * 1000))
            except InvalidRequest:
                cues = []
            if not cues:
                useless.append(track)
                continue
            prefix = keys.rendition_prefix(job.media_id, job.encoding, track.name)
            await store_text(storage, prefix, cues, job.plan.grid.duration)
        await self._catalog.tracks.drop(job.media_id, job.encoding, [track.name for track in useless])
        return len(found) - len(useless)

    async def _read(self, job: ExtractInput, source: Source) -> list[bytes]:
        """Each text, up to where ffmpeg could not go on."""
        texts = [bytearray() for _ in job.info.texts]
        try:
            await encode(
                partial(texts_command, self._ffmpeg, source.place, job.info),
                [partial(_collect, text) for text in texts],
                lambda block: None,
                memory_mb=self._memory_mb,
                # It may come to the end of the file before it has anything to say.
                stall_s=self._stall_s + float(job.plan.grid.duration),
                nice=_NICE,
                source=source,
            )
        except ProcessFailed as error:
            log.warning("not all texts of media %s could be read: %s\n%s", job.media_id, error, error.tail)
        return [bytes(text) for text in texts]


async def _collect(into: bytearray, reader: asyncio.StreamReader) -> None:
    while data := await reader.read(1 << 16):
        into += data[: _MOST_BYTES - len(into)]
