"""Package: write the playlists that what is stored allows. They are a pure function of the plan and the storage."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from pydantic import BaseModel
from temporalio import activity

from gilfoyle.activities.stored import StoredRendition, stored_rendition
from gilfoyle.catalog import RenditionProgress, RenditionStatus
from gilfoyle.errors import ObjectNotFound, StorageError
from gilfoyle.media import hls
from gilfoyle.media.codecs import codec_string
from gilfoyle.media.ladder import AudioRendition, VideoRendition
from gilfoyle.media.plan import Plan
from gilfoyle.storage import Storage, keys


class PackageInput(BaseModel):
    """`plan` without its passes. `failed`: renditions that are given up and must not be listed."""

    media_id: UUID
    encoding: int
    plan: Plan
    language: str | None
    failed: list[str]
    final: bool
    """All passes have ended: write the playlists of a whole VOD, and fail if segments are missing."""


class Packaged(BaseModel):
    """What is published now."""

    renditions: list[RenditionProgress]
    playable: bool
    progress: float
    """0 to 1, over all segments of all renditions."""


class PackageActivities:
    """On the io queue."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @activity.defn
    async def package(self, job: PackageInput) -> Packaged:
        """Write each rendition's playlist and the master, where they changed. Raises StorageError."""
        tracks: list[hls.Track] = []
        reports: list[RenditionProgress] = []
        renditions: list[VideoRendition | AudioRendition] = [*job.plan.video, *job.plan.audio]
        for rendition in renditions:
            if rendition.name in job.failed:
                continue
            stored = await stored_rendition(self._storage, job.media_id, job.encoding, rendition.name)
            track = await self._track(job, rendition, stored)
            if track:
                await self._write_playlist(job, track)
                tracks.append(track)
            reports.append(_report(job, rendition.name, track))
        playable = _is_playable(job, tracks)
        if playable:
            await self._write_master(job, tracks)
        wanted = sum(job.plan.segments(report.name) for report in reports)
        stored_count = sum(report.stored_segments for report in reports)
        return Packaged(renditions=reports, playable=playable, progress=stored_count / wanted if wanted else 0)

    async def _track(
        self, job: PackageInput, rendition: VideoRendition | AudioRendition, stored: StoredRendition
    ) -> hls.Track | None:
        """The rendition as far as it goes without a gap; None if it has not begun."""
        sizes = stored.prefix[: job.plan.segments(rendition.name)]
        if job.final and len(sizes) < job.plan.segments(rendition.name):
            raise StorageError(
                f"{rendition.name} has {len(sizes)} of {job.plan.segments(rendition.name)} segments in the storage."
            )
        if not sizes:
            return None
        prefix = keys.rendition_prefix(job.media_id, job.encoding, rendition.name)
        codecs = codec_string(await self._storage.read(f"{prefix}/{keys.INIT_NAME}"))
        cut = job.plan.grid if isinstance(rendition, VideoRendition) else job.plan.audio_grid
        durations = [cut.segment_duration(index) for index in range(len(sizes))]
        if isinstance(rendition, VideoRendition):
            return hls.VideoTrack(
                name=rendition.name,
                codecs=codecs,
                sizes=sizes,
                durations=durations,
                width=rendition.width,
                height=rendition.height,
                frame_rate=job.plan.grid.rate,
            )
        return hls.AudioTrack(
            name=rendition.name,
            codecs=codecs,
            sizes=sizes,
            durations=durations,
            channels=rendition.channels,
            language=job.language,
        )

    async def _write_playlist(self, job: PackageInput, track: hls.Track) -> None:
        ended = len(track.sizes) == job.plan.segments(track.name)
        text = hls.media_playlist(track.durations, job.plan.grid.target_duration, ended=ended)
        prefix = keys.rendition_prefix(job.media_id, job.encoding, track.name)
        await self._write_if_changed(f"{prefix}/{keys.PLAYLIST_NAME}", text)

    async def _write_master(self, job: PackageInput, tracks: Sequence[hls.Track]) -> None:
        text = hls.master_playlist(
            [track for track in tracks if isinstance(track, hls.VideoTrack)],
            [track for track in tracks if isinstance(track, hls.AudioTrack)],
        )
        await self._write_if_changed(keys.master_playlist(job.media_id, job.encoding), text)

    async def _write_if_changed(self, key: str, text: str) -> None:
        data = text.encode()
        try:
            if await self._storage.read(key) == data:
                return
        except ObjectNotFound:
            pass
        await self._storage.write(key, data)


def _is_playable(job: PackageInput, tracks: Sequence[hls.Track]) -> bool:
    """There is a picture, if there is to be one, and a sound, if there is to be one."""
    ready = {track.name for track in tracks}
    video = [rendition.name for rendition in job.plan.video if rendition.name not in job.failed]
    audio = [rendition.name for rendition in job.plan.audio if rendition.name not in job.failed]
    return bool(ready) and all(not wanted or ready & set(wanted) for wanted in (video, audio))


def _report(job: PackageInput, name: str, track: hls.Track | None) -> RenditionProgress:
    if track is None:
        return RenditionProgress(name=name, status=RenditionStatus.WAITING)
    whole = len(track.sizes) == job.plan.segments(name)
    return RenditionProgress(
        name=name,
        status=RenditionStatus.READY if whole else RenditionStatus.ENCODING,
        stored_segments=len(track.sizes),
        stored_bytes=sum(track.sizes),
        codecs=track.codecs,
        bandwidth=track.bandwidth,
        average_bandwidth=track.average_bandwidth,
    )
