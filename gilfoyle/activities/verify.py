"""Verify: decode a media's source and its renditions, and say whether they agree (media/agreement).

One decode of the source, one of each rendition, one after another. Little of them is kept in memory: 64 bytes for a
frame and a kilobyte for a second of audio.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from temporalio import activity

from gilfoyle.errors import EncodeFailed, ObjectNotFound
from gilfoyle.ffmpeg.encode import Consumer, encode
from gilfoyle.ffmpeg.process import ProcessFailed, capture
from gilfoyle.ffmpeg.source import Source as SourcePlace
from gilfoyle.ffmpeg.source import opened
from gilfoyle.media.agreement.audio import RATE, Levels
from gilfoyle.media.agreement.decoding import (
    STAMP_RATE,
    PacketEnd,
    SourceStreams,
    Tap,
    probe_command,
    source_command,
    source_streams,
    stamp,
    stream_command,
)
from gilfoyle.media.agreement.fragments import read_fragments, read_init
from gilfoyle.media.agreement.frames import FRAME_BYTES, Frames
from gilfoyle.media.agreement.judge import Judge, Source
from gilfoyle.media.agreement.playlists import PlaylistError, Variant, media_playlist, variants
from gilfoyle.media.agreement.report import Agreement, Finding, differing
from gilfoyle.media.agreement.structure import Rendition, structure
from gilfoyle.media.reading import reading_options
from gilfoyle.storage import Storage, Storages, keys
from gilfoyle.temporal.messages import VerifyMediaInput

log = logging.getLogger(__name__)

_PROBE_S = 60.0
NICE = 19
"""The nice value of its processes: viewers and encodes go first."""
_READ = 1 << 16
_SAMPLE_BYTES = 2


class VerifyActivities:
    """On the verify queue, one at a time."""

    def __init__(
        self,
        storages: Storages,
        ffmpeg: str,
        ffprobe: str,
        *,
        threads: int,
        memory_mb: int,
        stall_s: float,
        nice: int = NICE,
    ) -> None:
        self._storages = storages
        self._decoder = _Decoder(ffmpeg, ffprobe, threads, memory_mb, stall_s, nice)

    @activity.defn
    async def verify(self, job: VerifyMediaInput) -> Agreement:
        """Compare everything. Raises StorageError if the storage does not answer, EncodeFailed if ffprobe can't read
        the source any more."""
        storage = await self._storages.of(job.storage)
        return await _Verification(storage, job, self._decoder).run()


class _Verification:
    """One run of the activity."""

    def __init__(self, storage: Storage, job: VerifyMediaInput, decoder: _Decoder) -> None:
        self._storage, self._job, self._decoder = storage, job, decoder
        self._findings: list[Finding] = []
        self._mix = ""

    async def run(self) -> Agreement:
        job = self._job
        renditions = await self._renditions()
        source = await self._source(renditions)
        if job.lead_s is not None:
            source = source.clipped(job.lead_s, job.duration_s)
        judge, self._mix = Judge(source), source.streams.stream_mix
        for rendition in sorted(renditions, key=lambda each: each.is_audio):
            self._findings += await self._decode(rendition, judge)
        findings = structure(renditions, job.renditions)
        length = next((each.length for each in renditions if not each.is_audio), 0.0)
        findings += judge.whole(
            length or max((each.length for each in renditions), default=0.0),
            has_video=any(not each.is_audio for each in renditions),
            has_audio=any(each.is_audio for each in renditions),
        )
        return Agreement(media_id=job.media_id, encoding=job.encoding, findings=[*findings, *self._findings])

    async def _renditions(self) -> list[Rendition]:
        """The renditions that the playlists name; a broken link is a finding."""
        try:
            master = await self._storage.read(keys.master_playlist(self._job.media_id, self._job.encoding))
            found = variants(master.decode())
        except (ObjectNotFound, PlaylistError, UnicodeDecodeError) as error:
            self._findings.append(differing("playlist", "stream", f"The multivariant playlist is not one: {error}."))
            return []
        return [rendition for variant in found if (rendition := await self._rendition(variant))]

    async def _rendition(self, variant: Variant) -> Rendition | None:
        folder = keys.rendition_prefix(self._job.media_id, self._job.encoding, variant.name)
        try:
            playlist = media_playlist((await self._storage.read(f"{folder}/{keys.PLAYLIST_NAME}")).decode())
        except (ObjectNotFound, PlaylistError, UnicodeDecodeError) as error:
            self._findings.append(differing("playlist", variant.name, f"Its playlist is not one: {error}."))
            return None
        sizes = {item.key.removeprefix(f"{folder}/"): item.size async for item in self._storage.list(folder)}
        return Rendition(variant, playlist, sizes)

    async def _source(self, renditions: Sequence[Rendition]) -> Source:
        shapes = [(each.variant.width, each.variant.height) for each in renditions if not each.is_audio]
        async with opened(self._storage, keys.source(self._job.media_id, self._job.upload)) as place:
            return await self._decoder.source(place, max(shapes, default=(16, 9)), with_video=self._job.has_video)

    async def _decode(self, rendition: Rendition, judge: Judge) -> list[Finding]:
        frames, audio = Frames(), Levels()
        into = audio if rendition.is_audio else frames
        complaints = await self._decoder.stream(self._objects(rendition), into, self._mix)
        audio.finish()
        found = []
        if complaints:
            log.warning("%s of media %s: %s", rendition.name, self._job.media_id, complaints)
            found.append(differing("decoding", rendition.name, "Its decoder complains; the worker's log says of what."))
        if rendition.is_audio:
            return found + await asyncio.to_thread(judge.audio, rendition.name, audio)
        return found + await asyncio.to_thread(judge.video, rendition.name, frames)

    async def _objects(self, rendition: Rendition) -> AsyncIterator[bytes]:
        """The init segment and the media segments; their content is noted on the way."""
        folder = keys.rendition_prefix(self._job.media_id, self._job.encoding, rendition.name)
        for name in (rendition.playlist.init, *rendition.playlist.segments):
            try:
                data = await self._storage.read(f"{folder}/{name}")
                if rendition.init is None:
                    rendition.init = read_init(data)
                else:
                    rendition.segments.append(read_fragments(data, rendition.init))
            except ObjectNotFound:
                rendition.broken = f"{name} is not stored."
                return
            except ValueError as error:
                rendition.broken = f"{name} is broken: {error}."
                return
            yield data


class _Decoder:
    """Runs ffmpeg for the judge."""

    def __init__(self, ffmpeg: str, ffprobe: str, threads: int, memory_mb: int, stall_s: float, nice: int) -> None:
        self._ffmpeg, self._ffprobe = ffmpeg, ffprobe
        self._threads, self._memory_mb, self._stall_s, self._nice = threads, memory_mb, stall_s, nice

    async def source(self, place: SourcePlace, shape: tuple[int, int], *, with_video: bool) -> Source:
        """Decode a file: its video, fitted into that shape, and all its audio. Raises EncodeFailed, StorageError.

        All streams are decoded together, on one clock; each alone, if one of them can't be decoded.
        """
        streams = await self._streams(place, with_video)
        source = Source(streams)
        if await self._decode(place, source, shape, streams):
            return source
        for alone in streams.each():
            if not await self._decode(place, source, shape, alone):
                source.complaints = "Not all of the file can be decoded; the worker's log says why."
        return source

    async def _decode(self, place: SourcePlace, source: Source, shape: tuple[int, int], streams: SourceStreams) -> bool:
        """Add what is decoded of those streams to the source; False, and nothing is added, if that fails."""
        frames = Frames(streams.late) if streams.video is not None else None
        audio_tracks = [Levels(stampless=streams.stampless) for _ in streams.audio_tracks]

        def build(descriptors: Sequence[int]) -> list[str]:
            pipes = list(zip(descriptors[::3], descriptors[1::3], descriptors[2::3], strict=True))
            tap = Tap(streams.video_map, *pipes.pop(0)) if frames is not None else None
            heard = zip(streams.audio_tracks, pipes, streams.mixes, strict=True)
            return source_command(
                self._ffmpeg, place.place, reading_options(place.place), tap,
                [Tap(f"0:{index}", *each, mix) for index, each, mix in heard], shape,
                colour=streams.colour, transparent=streams.transparent, threads=self._threads,
            )  # fmt: skip

        taken: list[Frames | Levels] = [*([] if frames is None else [frames]), *audio_tracks]
        complaints = ""
        try:
            if taken:
                uses = [use for each in taken for use in (*_consumers(each), _ends(each))]
                complaints = await self._run(build, uses, source=place)
        except ProcessFailed as error:
            log.warning("the source can't be decoded to its end: %s", error)
            return False
        source.spoiled = source.spoiled or bool(complaints)
        for audio in audio_tracks:
            audio.finish()
        source.frames = frames or source.frames
        source.audio_tracks += audio_tracks
        return True

    async def stream(self, objects: AsyncIterator[bytes], into: Frames | Levels, mix: str) -> str:
        """Decode a rendition from its objects; what the decoder complains of, if it does. Raises StorageError.

        `mix`: the filter that mixes its channels to mono, if not ffmpeg's own.
        """
        async with _fed(objects) as descriptor:

            def build(descriptors: Sequence[int]) -> list[str]:
                is_video = isinstance(into, Frames)
                tap = Tap("0:v:0" if is_video else "0:a:0", descriptors[0], descriptors[1], mix=mix)
                return stream_command(self._ffmpeg, descriptor, tap, is_video=is_video, threads=self._threads)

            try:
                return await self._run(build, _consumers(into), inputs=[descriptor])
            except ProcessFailed as error:
                return str(error)

    async def _streams(self, place: SourcePlace, with_video: bool) -> SourceStreams:
        command = probe_command(self._ffprobe, place.place, reading_options(place.place))
        try:
            out = await capture(command, timeout_s=_PROBE_S, memory_mb=self._memory_mb, source=place)
        except (ProcessFailed, TimeoutError) as error:
            raise EncodeFailed(
                "The source can't be read: is it still what was uploaded?", code="source_changed"
            ) from error
        return source_streams(json.loads(out), with_video=with_video)

    async def _run(
        self,
        build: Callable[[Sequence[int]], Sequence[str]],
        consumers: Sequence[Consumer],
        source: SourcePlace | None = None,
        inputs: Sequence[int] = (),
    ) -> str:
        """What ffmpeg complained of. Raises ProcessFailed, StorageError."""
        return await encode(
            build,
            consumers,
            lambda _block: None,
            memory_mb=self._memory_mb,
            stall_s=self._stall_s,
            nice=self._nice,
            source=source,
            inputs=inputs,
        )


@asynccontextmanager
async def _fed(objects: AsyncIterator[bytes]) -> AsyncIterator[int]:
    """The reading end of a pipe into which the objects are written. Errors of reading them are raised at the end."""
    reading, writing = os.pipe()
    feeding = asyncio.create_task(_feed(objects, writing))
    try:
        yield reading
    finally:
        os.close(reading)
        await asyncio.wait([feeding], timeout=5)
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
    if not feeding.cancelled():
        feeding.result()


async def _feed(objects: AsyncIterator[bytes], descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    protocol = asyncio.streams.FlowControlMixin()
    transport, _ = await loop.connect_write_pipe(lambda: protocol, os.fdopen(descriptor, "wb", 0))
    writer = asyncio.StreamWriter(transport, protocol, None, loop)
    try:
        async for data in objects:
            writer.write(data)
            await writer.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass  # ffmpeg has ended; it says itself why
    finally:
        transport.close()


def _consumers(into: Frames | Levels) -> list[Consumer]:
    """Consumers of a stream's two outputs: the raw data and the stamps."""
    if isinstance(into, Frames):
        return [_each(FRAME_BYTES, into.show), _stamps(lambda at, length, _bytes: _stamp_frame(into, at, length))]
    pairing = _Paired(into)
    return [_all(pairing.samples), _stamps(pairing.stamp)]


def _ends(into: Frames | Levels) -> Consumer:
    """The consumer of a stream's packet list."""
    packets = PacketEnd()

    def take(line: str) -> None:
        packets.take(line)
        into.packets_end = packets.end

    return _lines(take)


def _stamp_frame(frames: Frames, at: int | None, length: int) -> None:
    if at is None:
        frames.stamp_again(length / STAMP_RATE)
    else:
        frames.stamp(at / STAMP_RATE, length / STAMP_RATE)


class _Paired:
    """Pairs samples with their stamps, whichever come first."""

    def __init__(self, levels: Levels) -> None:
        self._levels = levels
        self._samples = bytearray()
        self._stamps: list[tuple[float, int]] = []

    def samples(self, data: bytes) -> None:
        self._samples += data
        self._pair()

    def stamp(self, at: int | None, _length: int, size: int) -> None:
        self._stamps.append((self._levels.end if at is None else at / RATE, size))
        self._pair()

    def _pair(self) -> None:
        done = used = 0
        for at, size in self._stamps:
            if used + size > len(self._samples):
                break
            self._levels.hear(at, bytes(self._samples[used : used + size]))
            done, used = done + 1, used + size
        del self._stamps[:done], self._samples[:used]


def _all(take: Callable[[bytes], None]) -> Consumer:
    async def use(reader: asyncio.StreamReader) -> None:
        while data := await reader.read(_READ):
            take(data)

    return use


def _each(size: int, take: Callable[[bytes], None]) -> Consumer:
    """Cut the data into pieces of that size."""

    async def use(reader: asyncio.StreamReader) -> None:
        rest = b""
        while data := await reader.read(_READ):
            rest += data
            whole = len(rest) // size * size
            for at in range(0, whole, size):
                take(rest[at : at + size])
            rest = rest[whole:]

    return use


def _stamps(take: Callable[[int | None, int, int], None]) -> Consumer:
    """Parse a list of stamps."""

    def use(line: str) -> None:
        if found := stamp(line):
            take(*found)

    return _lines(use)


def _lines(take: Callable[[str], None]) -> Consumer:

    async def use(reader: asyncio.StreamReader) -> None:
        rest = ""
        while data := await reader.read(_READ):
            *lines, rest = (rest + data.decode()).split("\n")
            for line in lines:
                take(line)

    return use
