"""Verify: decode a media's source and its renditions, and say whether they agree (media/agreement).

One decode of the source, one of each rendition, one after another. What is remembered of them is small: 64 bytes of a
picture and a kilobyte of a second of sound.
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
from gilfoyle.ffmpeg.source import SourceWatch
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
from gilfoyle.media.agreement.judge import Judge, Source
from gilfoyle.media.agreement.pictures import PICTURE_BYTES, Pictures
from gilfoyle.media.agreement.playlists import PlaylistError, Variant, media_playlist, variants
from gilfoyle.media.agreement.report import Agreement, Finding, differing
from gilfoyle.media.agreement.sound import RATE, Levels
from gilfoyle.media.agreement.structure import Rendition, structure
from gilfoyle.media.reading import is_remote, reading_options
from gilfoyle.storage import Storage, Storages, keys
from gilfoyle.temporal.messages import VerifyMediaInput

log = logging.getLogger(__name__)

_PROBE_S = 60.0
NICE = 19
"""How much it gives way to other processes: whoever watches or waits for an encode goes first."""
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
        """Compare everything. Raises StorageError if the storage does not give it, EncodeFailed if the source is gone
        bad so far that ffprobe can't read it."""
        storage = await self._storages.of(job.storage)
        return await _Verification(storage, job, self._decoder).run()


class _Verification:
    """One run of the activity."""

    def __init__(self, storage: Storage, job: VerifyMediaInput, decoder: _Decoder) -> None:
        self._storage, self._job, self._decoder = storage, job, decoder
        self._findings: list[Finding] = []

    async def run(self) -> Agreement:
        job = self._job
        renditions = await self._renditions()
        judge = Judge(await self._source(renditions))
        for rendition in sorted(renditions, key=lambda each: each.is_sound):
            self._findings += await self._decode(rendition, judge)
        findings = structure(renditions, job.renditions)
        length = next((each.length for each in renditions if not each.is_sound), 0.0)
        findings += judge.whole(
            length or max((each.length for each in renditions), default=0.0),
            has_picture=any(not each.is_sound for each in renditions),
            has_sound=any(each.is_sound for each in renditions),
        )
        return Agreement(media_id=job.media_id, encoding=job.encoding, findings=[*findings, *self._findings])

    async def _renditions(self) -> list[Rendition]:
        """As the playlists have them; what can't be followed is a finding."""
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
        place = SourcePlace(await self._storage.ffmpeg_input(keys.source(self._job.media_id, self._job.upload)))
        shapes = [(each.variant.width, each.variant.height) for each in renditions if not each.is_sound]
        return await self._decoder.source(place, max(shapes, default=(16, 9)), with_picture=self._job.has_picture)

    async def _decode(self, rendition: Rendition, judge: Judge) -> list[Finding]:
        pictures, sound = Pictures(), Levels()
        complaints = await self._decoder.stream(self._objects(rendition), sound if rendition.is_sound else pictures)
        sound.finish()
        found = []
        if complaints:
            log.warning("%s of media %s: %s", rendition.name, self._job.media_id, complaints)
            found.append(differing("decoding", rendition.name, "Its decoder complains; the worker's log says of what."))
        if rendition.is_sound:
            return found + await asyncio.to_thread(judge.sound, rendition.name, sound)
        return found + await asyncio.to_thread(judge.pictures, rendition.name, pictures)

    async def _objects(self, rendition: Rendition) -> AsyncIterator[bytes]:
        """The init segment and the media segments, and note what is in them."""
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

    async def source(self, place: SourcePlace, shape: tuple[int, int], *, with_picture: bool) -> Source:
        """Decode a file: its picture, fitted into that shape, and all its sounds. Raises EncodeFailed, StorageError.

        Together, so that they are on one clock; where one of them can't be decoded, each alone.
        """
        streams = await self._streams(place, with_picture)
        source = Source(streams)
        if await self._decode(place, source, shape, streams):
            return source
        for alone in streams.each():
            if not await self._decode(place, source, shape, alone):
                source.complaints = "Not all of the file can be decoded; the worker's log says why."
        return source

    async def _decode(self, place: SourcePlace, source: Source, shape: tuple[int, int], streams: SourceStreams) -> bool:
        """Add what is decoded of those streams to the source; False, and nothing is added, if that fails."""
        pictures = Pictures(streams.late) if streams.picture is not None else None
        sounds = [Levels(stampless=streams.stampless) for _ in streams.sounds]

        def build(descriptors: Sequence[int]) -> list[str]:
            pipes = list(zip(descriptors[::3], descriptors[1::3], descriptors[2::3], strict=True))
            tap = Tap(streams.picture_map, *pipes.pop(0)) if pictures is not None else None
            heard = zip(streams.sounds, pipes, streams.mixes, strict=True)
            return source_command(
                self._ffmpeg, place.place, reading_options(place.place), tap,
                [Tap(f"0:{index}", *each, mix) for index, each, mix in heard], shape,
                colour=streams.colour, transparent=streams.transparent, threads=self._threads,
                level="repeat+level+verbose" if is_remote(place.place) else "error",
            )  # fmt: skip

        taken: list[Pictures | Levels] = [*([] if pictures is None else [pictures]), *sounds]
        watch = place.watch()
        try:
            if taken:
                await self._run(build, [use for each in taken for use in (*_consumers(each), _ends(each))], watch)
        except ProcessFailed as error:
            log.warning("the source can't be decoded to its end: %s", error)
            return False
        source.spoiled = source.spoiled or bool(watch.text)
        for sound in sounds:
            sound.finish()
        source.pictures = pictures or source.pictures
        source.sounds += sounds
        return True

    async def stream(self, objects: AsyncIterator[bytes], into: Pictures | Levels) -> str:
        """Decode a rendition from its objects; what the decoder complains of, if it does. Raises StorageError."""
        watch = SourceWatch("")
        async with _fed(objects) as descriptor:

            def build(descriptors: Sequence[int]) -> list[str]:
                is_video = isinstance(into, Pictures)
                tap = Tap("0:v:0" if is_video else "0:a:0", descriptors[0], descriptors[1])
                return stream_command(self._ffmpeg, descriptor, tap, is_video=is_video, threads=self._threads)

            try:
                await self._run(build, _consumers(into), watch, [descriptor])
            except ProcessFailed as error:
                return str(error)
        return watch.text

    async def _streams(self, place: SourcePlace, with_picture: bool) -> SourceStreams:
        command = probe_command(self._ffprobe, place.place, reading_options(place.place))
        try:
            out = await capture(command, timeout_s=_PROBE_S, memory_mb=self._memory_mb, watch=place.watch())
        except (ProcessFailed, TimeoutError) as error:
            fault = EncodeFailed("The source can't be read: is it still what was uploaded?", code="source_changed")
            place.blame(fault)
            raise fault from error
        return source_streams(json.loads(out), with_picture=with_picture)

    async def _run(
        self,
        build: Callable[[Sequence[int]], Sequence[str]],
        consumers: Sequence[Consumer],
        watch: SourceWatch,
        inputs: Sequence[int] = (),
    ) -> None:
        await encode(
            build,
            consumers,
            lambda _block: None,
            memory_mb=self._memory_mb,
            stall_s=self._stall_s,
            nice=self._nice,
            watch=watch,
            inputs=inputs,
        )


@asynccontextmanager
async def _fed(objects: AsyncIterator[bytes]) -> AsyncIterator[int]:
    """The reading end of a pipe into which the objects are written. What reading them raises is raised at the end."""
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


def _consumers(into: Pictures | Levels) -> list[Consumer]:
    """What reads the two outputs of a stream: the raw one, and that of its stamps."""
    if isinstance(into, Pictures):
        return [_each(PICTURE_BYTES, into.show), _stamps(lambda at, length, _bytes: _stamp_picture(into, at, length))]
    pairing = _Paired(into)
    return [_all(pairing.samples), _stamps(pairing.stamp)]


def _ends(into: Pictures | Levels) -> Consumer:
    """What reads the list of a stream's packets."""
    packets = PacketEnd()

    def take(line: str) -> None:
        packets.take(line)
        into.packets_end = packets.end

    return _lines(take)


def _stamp_picture(pictures: Pictures, at: int | None, length: int) -> None:
    if at is None:
        pictures.stamp_again(length / STAMP_RATE)
    else:
        pictures.stamp(at / STAMP_RATE, length / STAMP_RATE)


class _Paired:
    """Brings samples and their stamps together, whichever come first."""

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
    """Pieces of that size."""

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
    """The stamps of a list of them."""

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
