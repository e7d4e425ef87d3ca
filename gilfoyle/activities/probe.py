"""Probe: ask ffprobe what the source is, and refuse what can never be streamed."""

from __future__ import annotations

import asyncio
import json
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from temporalio import activity

from gilfoyle.activities.confirm import confirm
from gilfoyle.activities.process import ProcessFailed, capture
from gilfoyle.activities.sampling import beginning, samples
from gilfoyle.activities.source import Source
from gilfoyle.config import LimitSettings
from gilfoyle.errors import EncodeFailed, UnsupportedMedia
from gilfoyle.media.colour import with_declared
from gilfoyle.media.ffmpeg import (
    declared_command,
    packets_command,
    picture_frames_command,
    picture_size_command,
    probe_command,
)
from gilfoyle.media.header import container, declared_end, needs_full_scan, wanted_streams
from gilfoyle.media.info import MediaInfo
from gilfoyle.media.kinds import HEAD_BYTES
from gilfoyle.media.pictures import Drawn, is_picture, probed, read_delays, read_size, shown
from gilfoyle.media.probe import read
from gilfoyle.media.refusals import Limits, check_sizes, named, precheck
from gilfoyle.media.scrambled import MPEG, SAMPLE_BYTES, scrambled_streams
from gilfoyle.media.unplayable import (
    codecs_command,
    decodable,
    encrypted_packets,
    encrypted_streams,
    marked,
    undecodable_streams,
)
from gilfoyle.storage import Storage, Storages, keys

# How far before the declared end the packets are read (seconds): ffprobe starts at the keyframe before.
_TAIL_S = 5.0
# How much earlier than declared the data of a container with an index may end (seconds): rounding, no more.
_SHORT_S = 1.0


# ffmpeg's own bound, above which it refuses to open a decoder.
_INVALID_SIZE = re.compile(r"Picture size (\d+)x(\d+) is invalid")


class ProbeInput(BaseModel):
    """Which upload of which media, and in which backend it lies."""

    media_id: UUID
    upload: int = 1
    storage: str = ""


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
        """Read the header and the first frames, then the last packets: not all that a header says is true.

        Raises UnsupportedMedia with a reason for a person, EncodeFailed if it takes too long, StorageError if the
        source can't be read.
        """
        storage = await self._storages.of(job.storage)
        key = keys.source(job.media_id, job.upload)
        source = Source(await storage.ffmpeg_input(key))
        try:
            return await self._probe(storage, key, source)
        except (UnsupportedMedia, EncodeFailed) as error:
            # An upload that is refused is deleted: not for what a bad connection made of it.
            source.blame(error)
            if isinstance(error, UnsupportedMedia):
                await confirm(storage, key, source.place)
                refusal = named(error, await beginning(storage, key, HEAD_BYTES))
                if refusal is not error:  # what is its own cause can't be told to Temporal
                    raise refusal from error
            raise

    async def _probe(self, storage: Storage, key: str, source: Source) -> MediaInfo:
        place = source.place
        # The first frames correct what the header declares, but a declared absurdity is refused all the same.
        commands = declared_command(self._ffprobe, place), probe_command(self._ffprobe, place)
        readings = [asyncio.create_task(self._json(source, command)) for command in commands]
        try:
            declared, header = await asyncio.gather(*readings)
        finally:
            for reading in readings:  # if one has failed, the other has no use any more
                reading.cancel()
            await asyncio.gather(*readings, return_exceptions=True)
        if is_picture(header):
            return await self._picture(source, header)
        check_sizes(declared, self._limits)
        header = marked(with_declared(header, declared), "encrypted", encrypted_streams(header))
        if container(header) in MPEG:
            header = marked(header, "encrypted", scrambled_streams(header, await samples(storage, key, SAMPLE_BYTES)))
        header = marked(header, "no_decoder", undecodable_streams(header, await self._decodable()))
        precheck(header, self._limits)
        ends, encrypted = await self._ends(source, header)
        return read(marked(header, "encrypted", encrypted), ends, self._limits)

    async def _picture(self, source: Source, header: dict[str, Any]) -> MediaInfo:
        """Of one that stands alone, still or animated. ffmpeg looks at it itself: media/pictures.py says why."""
        place = source.place
        size = read_size(await self._listing(source, picture_size_command(self._ffmpeg, place)))
        delays = shown(header, read_delays(await self._listing(source, picture_frames_command(self._ffmpeg, place))))
        if size is None or not delays:
            raise UnsupportedMedia("The picture can't be decoded.", code="no_frames")
        header = probed(header, Drawn(*size, delays))
        precheck(header, self._limits)
        return read(header, {0: sum(delays, Fraction(0))}, self._limits)

    async def _listing(self, source: Source, command: list[str]) -> str:
        """What ffmpeg lists; nothing if it can't read the file."""
        try:
            return (await self._run(source, command)).decode()
        except ProcessFailed:
            return ""

    async def _decodable(self) -> frozenset[str]:
        """What the ffmpeg that encodes can decode; asked once."""
        if not self._decoders:
            limit, memory = self._settings.probe_s, self._settings.memory_mb
            try:
                listing = await capture(codecs_command(self._ffmpeg), timeout_s=limit, memory_mb=memory)
            except ProcessFailed as error:
                raise EncodeFailed(f"ffmpeg does not tell what it can decode: {error}.", log=error.tail) from error
            self._decoders = decodable(listing.decode())
        return self._decoders

    async def _json(self, source: Source, command: list[str]) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(await self._run(source, command))
        except ProcessFailed as error:
            raise _unreadable(error.tail) from error
        return found

    async def _ends(self, source: Source, header: dict[str, Any]) -> tuple[dict[int, Fraction], set[int]]:
        """When each stream that matters ends (index → seconds), by its last packet; and which turn out encrypted."""
        declared, wanted = declared_end(header), wanted_streams(header)
        since = None if declared is None or needs_full_scan(header) else max(0.0, declared - _TAIL_S)
        ends, encrypted = await self._last_packets(source, wanted, since)
        if since is None or declared is None:
            return ends, encrypted
        if max(ends.values(), default=Fraction(0)) < declared - _SHORT_S:
            raise UnsupportedMedia(
                f"The file says that it lasts {declared:.1f} s, but its data ends before that: it was cut short. "
                "Upload it again.",
                code="truncated",
            )
        earlier = {index: _declared_end(header, index) for index in wanted if index not in ends}
        if None in earlier.values():
            return await self._last_packets(source, wanted, None)
        return ends | {index: end for index, end in earlier.items() if end is not None}, encrypted

    async def _last_packets(
        self, source: Source, wanted: list[int], since: float | None
    ) -> tuple[dict[int, Fraction], set[int]]:
        try:
            lines = await self._run(source, packets_command(self._ffprobe, source.place, since=since))
        except ProcessFailed as error:
            raise _unreadable(error.tail) from error
        text = lines.decode()
        return {index: end for index, end in _last_packets(text).items() if index in wanted}, encrypted_packets(text)

    async def _run(self, source: Source, command: list[str]) -> bytes:
        limit, memory = self._settings.probe_s, self._settings.memory_mb
        try:
            return await capture(command, timeout_s=limit, memory_mb=memory, watch=source.watch())
        except TimeoutError as error:
            # The machine may be at fault as well as the file: tried again, and the source stays.
            raise EncodeFailed(f"The file could not be read within {limit:.0f} s.", code="probe_timeout") from error


def _last_packets(text: str) -> dict[int, Fraction]:
    """The latest end (stamp + duration) of each stream, from ffprobe's `index,pts,dts,duration,flags` lines.

    Decimals, and fractions only of what is found: there may be millions of lines.
    """
    ends: dict[int, Decimal] = {}
    for line in text.splitlines():
        fields = line.split(",")
        if len(fields) < 5 or "D" in fields[4]:
            continue  # A packet that an edit list discards.
        stamp = next((field for field in fields[1:3] if field != "N/A"), None)  # AVI has decode times only
        if stamp is None:
            continue
        length = Decimal(0) if fields[3] == "N/A" else Decimal(fields[3])
        index, end = int(fields[0]), Decimal(stamp) + length
        ends[index] = max(ends.get(index, end), end)
    return {index: Fraction(end) for index, end in ends.items()}


def _declared_end(header: dict[str, Any], index: int) -> Fraction | None:
    """For a stream with no packet near the end of the file: what its header says. Matroska's says nothing."""
    stream = next(stream for stream in header["streams"] if stream["index"] == index)
    if not stream.get("duration"):
        return None
    return Fraction(stream.get("start_time") or 0) + Fraction(stream["duration"])


def _unreadable(tail: str) -> UnsupportedMedia:
    if "moov atom not found" in tail:
        return UnsupportedMedia(
            "The file was cut short: its index (moov) is missing. Upload it again.", code="truncated", log=tail
        )
    if size := _INVALID_SIZE.search(tail):
        return UnsupportedMedia(
            f"The picture is {size[1]}×{size[2]} pixels: too large.", code="picture_too_large", log=tail
        )
    return UnsupportedMedia("This is not a video or audio file that can be read.", code="not_media", log=tail)
