"""Probe: find out what the source is, and refuse what can never be streamed."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel
from temporalio import activity

from gilfoyle.config import LimitSettings
from gilfoyle.errors import EncodeFailed, UnsupportedMedia
from gilfoyle.ffmpeg.look import Look
from gilfoyle.ffmpeg.process import ProcessFailed, capture
from gilfoyle.ffmpeg.source import Source, opened
from gilfoyle.media.header import container
from gilfoyle.media.images import is_image
from gilfoyle.media.info import MediaInfo
from gilfoyle.media.kinds import HEAD_BYTES
from gilfoyle.media.refusals import Limits, named, precheck
from gilfoyle.media.scrambled import MPEG, SAMPLE_BYTES, scrambled_streams
from gilfoyle.media.unplayable import codecs_command, decodable, encrypted_streams, marked, undecodable_streams
from gilfoyle.storage import Storage, Storages, keys


class ProbeInput(BaseModel):
    """Which upload of which media, and in which backend it lies."""

    media_id: UUID
    upload: int = 1
    storage: str = ""
    longest_s: float | None = None
    """How long it may be, if that is less than the settings allow (seconds)."""


class ProbeActivities:
    """On the io queue."""

    def __init__(self, storages: Storages, ffmpeg: str, ffprobe: str, limits: LimitSettings) -> None:
        self._storages = storages
        self._ffmpeg = ffmpeg
        self._ffprobe = ffprobe
        self._settings = limits
        self._limits = Limits(duration_s=limits.duration_s, side_px=limits.side_px, streams=limits.streams)
        self._decoders: frozenset[str] = frozenset()

    @activity.defn
    async def probe(self, job: ProbeInput) -> MediaInfo:
        """Read the header and the first frames, then packets and keyframes: headers can be wrong.

        Raises UnsupportedMedia with a reason for a person, EncodeFailed if it takes too long, StorageError if the
        source can't be read.
        """
        storage = await self._storages.of(job.storage)
        key = keys.source(job.media_id, job.upload)
        async with opened(storage, key) as source:
            try:
                return await self._look_into(storage, key, source, self._limited(job.longest_s))
            except UnsupportedMedia as error:
                # An upload that is refused is deleted: not for what could not be read of it.
                source.check()
                refusal = named(error, await _beginning(storage, key, HEAD_BYTES))
                if refusal is not error:  # what is its own cause can't be told to Temporal
                    raise refusal from error
                raise

    def _limited(self, longest_s: float | None) -> Limits:
        """The limits of one source."""
        longest = min(self._limits.duration_s, longest_s or self._limits.duration_s)
        return self._limits.model_copy(update={"duration_s": longest})

    async def _look_into(self, storage: Storage, key: str, source: Source, limits: Limits) -> MediaInfo:
        size = (await storage.stat(key)).size
        async with Look(source, size, self._ffmpeg, self._ffprobe, self._settings, limits) as look:
            return await self._judge(look, storage, key, size)

    async def _judge(self, look: Look, storage: Storage, key: str, size: int) -> MediaInfo:
        header = await look.begin()
        if is_image(header):
            return await look.image(header)
        header = marked(header, "encrypted", encrypted_streams(header))
        if container(header) in MPEG:
            sampled = await _samples(storage, key, size, SAMPLE_BYTES)
            header = marked(header, "encrypted", scrambled_streams(header, sampled))
        header = marked(header, "no_decoder", undecodable_streams(header, await self._decodable()))
        precheck(header, self._limits)
        return await look.film(header)

    async def _decodable(self) -> frozenset[str]:
        """The codecs that ffmpeg can decode; asked once."""
        if not self._decoders:
            limit, memory = self._settings.probe_s, self._settings.memory_mb
            try:
                listing = await capture(codecs_command(self._ffmpeg), timeout_s=limit, memory_mb=memory)
            except ProcessFailed as error:
                raise EncodeFailed(f"ffmpeg does not tell what it can decode: {error}.", log=error.tail) from error
            self._decoders = decodable(listing.decode())
        return self._decoders


async def _beginning(storage: Storage, key: str, size: int) -> bytes:
    """The first `size` bytes of an object, or all if there are fewer."""
    return await _range(storage, key, 0, min(size, (await storage.stat(key)).size))


async def _samples(storage: Storage, key: str, whole: int, size: int) -> list[bytes]:
    """`size` bytes each from the beginning, middle and end of an object of `whole` bytes; all of a smaller one."""
    if whole <= 3 * size:
        return [await _range(storage, key, 0, whole)]
    return [await _range(storage, key, start, start + size) for start in (0, (whole - size) // 2, whole - size)]


async def _range(storage: Storage, key: str, start: int, end: int) -> bytes:
    return b"".join([piece async for piece in storage.stream(key, start, end)])
