"""Package: write playlists of what is stored. They are a pure function of the plan and the storage."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from fractions import Fraction
from typing import Protocol
from uuid import UUID

from pydantic import BaseModel
from temporalio import activity

from gilfoyle.catalog import Published, RenditionProgress, RenditionStatus
from gilfoyle.errors import ObjectNotFound
from gilfoyle.media import hls
from gilfoyle.media.codecs import codec_string
from gilfoyle.media.encoders import AUDIO_ENCODERS, VIDEO_ENCODERS
from gilfoyle.media.ladder import AudioRendition, VideoRendition
from gilfoyle.media.plan import Plan
from gilfoyle.media.text import webvtt
from gilfoyle.media.tracks import Track, TrackKind
from gilfoyle.storage import ContentAddressed, Storage, Storages, keys
from gilfoyle.storage.stored import StoredRendition, stored_rendition


class PackageInput(BaseModel):
    """`plan` without its passes. `failed`: renditions that are given up and must not be listed."""

    media_id: UUID
    encoding: int
    storage: str = ""
    plan: Plan
    failed: list[str]
    final: bool
    """All passes have ended: write complete VOD playlists, unless segments are missing."""
    report_only: bool = False
    """Write nothing unless more renditions are complete: what is published is complete, and players may cache it."""


class Packaged(BaseModel):
    """What is published now."""

    renditions: list[RenditionProgress]
    playable: bool
    progress: float
    """0 to 1, over all segments of all renditions."""
    lost: list[str] = []
    """Renditions that are incomplete though all their passes have ended: the storage has lost something."""
    cid: str | None = None
    """The CID of the encoding's folder, once everything is published to content-addressed storage."""
    changes: int = 0
    """How many changes of tracks the published playlists contain."""


class Publishing(Protocol):
    """The catalog's part in publishing: it knows a media's tracks, and lets one publisher write at a time."""

    def publishing(self, media_id: UUID, encoding: int) -> AbstractAsyncContextManager[Published]:
        """See `catalog.tracks.publishing`."""


class PackageActivities:
    """On the io queue."""

    def __init__(self, storages: Storages, tracks: Publishing) -> None:
        self._storages = storages
        self._tracks = tracks

    @activity.defn
    async def package(self, job: PackageInput) -> Packaged:
        """Write each rendition's playlist and the master, where they changed. Raises StorageError."""
        return await _Packaging(await self._storages.of(job.storage), job, self._tracks).run()


class _Packaging:
    """One run of the activity, on the media's storage."""

    def __init__(self, storage: Storage, job: PackageInput, tracks: Publishing) -> None:
        self._storage = storage
        self._job = job
        self._tracks = tracks

    async def run(self) -> Packaged:
        job = self._job
        planned: list[VideoRendition | AudioRendition] = [*job.plan.video, *job.plan.audio]
        listed = [rendition for rendition in planned if rendition.name not in job.failed]
        # Side by side: in an object store each of them waits for a few round trips.
        found = await asyncio.gather(*(self._publish(rendition) for rendition in listed))
        entries = [entry for entry in found if entry]
        reports = [_report(job, rendition.name, entry) for rendition, entry in zip(listed, found, strict=True)]
        playable = _is_playable(job, entries)
        changes = await self._write_master(entries) if playable and not job.report_only else 0
        wanted = sum(job.plan.segments(report.name) for report in reports)
        stored_count = sum(report.stored_segments for report in reports)
        lost = [report.name for report in reports if report.status != RenditionStatus.READY] if job.final else []
        return Packaged(
            renditions=reports,
            playable=playable,
            progress=stored_count / wanted if wanted else 0,
            lost=lost,
            cid=await self._pin() if job.final and not lost else None,
            changes=changes,
        )

    async def _pin(self) -> str | None:
        if not isinstance(self._storage, ContentAddressed):
            return None
        prefix = keys.encoding_prefix(self._job.media_id, self._job.encoding)
        cid = await self._storage.cid(prefix)
        await self._storage.pin(cid, prefix)
        return cid

    async def _publish(self, rendition: VideoRendition | AudioRendition) -> hls.Entry | None:
        """Write the rendition's playlist up to the first gap; None if nothing is stored."""
        stored = await stored_rendition(self._storage, self._job.media_id, self._job.encoding, rendition.name)
        entry = await self._entry(rendition, stored)
        if entry and not self._job.report_only:
            await self._write_playlist(entry)
        return entry

    async def _entry(self, rendition: VideoRendition | AudioRendition, stored: StoredRendition) -> hls.Entry | None:
        job = self._job
        sizes = stored.prefix[: job.plan.segments(rendition.name)]
        if not sizes:
            return None
        prefix = keys.rendition_prefix(job.media_id, job.encoding, rendition.name)
        codecs = codec_string(await self._storage.read(f"{prefix}/{keys.INIT_NAME}"))
        cut = job.plan.grid if isinstance(rendition, VideoRendition) else job.plan.audio_grid(rendition)
        durations = cut.durations(len(sizes))
        if isinstance(rendition, VideoRendition):
            return hls.VideoEntry(
                name=rendition.name,
                codecs=codecs,
                sizes=sizes,
                durations=durations,
                width=rendition.width,
                height=rendition.height,
                frame_rate=job.plan.grid.rate,
            )
        return hls.AudioEntry(
            name=rendition.name,
            codecs=codecs,
            sizes=sizes,
            durations=durations,
            channels=rendition.channels,
            track=rendition.track,
            codec=rendition.codec,
        )

    async def _write_playlist(self, entry: hls.Entry) -> None:
        job = self._job
        ended = len(entry.sizes) == job.plan.segments(entry.name)
        text = hls.media_playlist(entry.durations, job.plan.target_duration, ended=ended)
        prefix = keys.rendition_prefix(job.media_id, job.encoding, entry.name)
        await self._write_if_changed(f"{prefix}/{keys.PLAYLIST_NAME}", text)

    async def _write_master(self, entries: Sequence[hls.Entry]) -> int:
        """Write the master playlist; returns how many changes of tracks it contains."""
        job = self._job
        async with self._tracks.publishing(job.media_id, job.encoding) as published:
            listed = [track for track in published.tracks if await self._is_there(track)]
            text = hls.master_playlist(
                [entry for entry in entries if isinstance(entry, hls.VideoEntry)],
                [entry for entry in entries if isinstance(entry, hls.AudioEntry)],
                listed,
            )
            await self._write_if_changed(keys.master_playlist(job.media_id, job.encoding), text)
        return published.changes

    async def _is_there(self, track: Track) -> bool:
        """Whether the track's objects are stored. A text is written in segments, once for each encoding."""
        if track.kind != TrackKind.TEXT:
            return True
        prefix = keys.rendition_prefix(self._job.media_id, self._job.encoding, track.name)
        playlist = f"{prefix}/{keys.PLAYLIST_NAME}"
        with suppress(ObjectNotFound):
            await self._storage.stat(playlist)
            return True
        try:
            cues = webvtt.parse(await self._storage.read(keys.text(self._job.media_id, track.name)))
        except ObjectNotFound:
            return False
        await store_text(self._storage, prefix, cues, self._job.plan.grid.duration)
        return True

    async def _write_if_changed(self, key: str, text: str) -> None:
        data = text.encode()
        try:
            if await self._storage.read(key) == data:
                return
        except ObjectNotFound:
            pass
        await self._storage.write(key, data)


async def store_text(storage: Storage, prefix: str, cues: Sequence[webvtt.Cue], length: Fraction) -> None:
    """Store a text of a media of `length` seconds in segments, its playlist last. Raises StorageError."""
    for name, text in hls.text_objects(cues, length):
        await storage.write(f"{prefix}/{name}", text.encode())


def _is_playable(job: PackageInput, entries: Sequence[hls.Entry]) -> bool:
    """The video, if there is any, and every audio track are listed: a player reads the list once.

    In the codec that most players decode, and in stereo: not all players take the others.
    """
    ready = {entry.name for entry in entries}
    planned: list[VideoRendition | AudioRendition] = [*job.plan.video, *job.plan.audio]
    forms: dict[str, list[VideoRendition | AudioRendition]] = {}
    for rendition in planned:
        if rendition.name not in job.failed:
            forms.setdefault(rendition.track if isinstance(rendition, AudioRendition) else "", []).append(rendition)
    return bool(ready) and all(ready & {each.name for each in _everywhere(found)} for found in forms.values())


def _everywhere(forms: Sequence[VideoRendition | AudioRendition]) -> list[VideoRendition | AudioRendition]:
    """Those renditions of a track that most players can decode."""
    order = [*VIDEO_ENCODERS, *AUDIO_ENCODERS]

    def place(form: VideoRendition | AudioRendition) -> tuple[int, bool]:
        return order.index(form.codec), isinstance(form, AudioRendition) and form.channels > 2

    return [form for form in forms if place(form) == min(map(place, forms))]


def _report(job: PackageInput, name: str, entry: hls.Entry | None) -> RenditionProgress:
    if entry is None:
        return RenditionProgress(name=name, status=RenditionStatus.WAITING)
    whole = len(entry.sizes) == job.plan.segments(name)
    return RenditionProgress(
        name=name,
        status=RenditionStatus.READY if whole else RenditionStatus.ENCODING,
        stored_segments=len(entry.sizes),
        stored_bytes=sum(entry.sizes),
        codecs=entry.codecs,
        bandwidth=entry.bandwidth,
        average_bandwidth=entry.average_bandwidth,
    )
