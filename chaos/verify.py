"""Whether a media that is Ready is whole: by its playlists, over HTTP, down to the single frame."""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from urllib.parse import urljoin

import httpx

from chaos.sources import Source, read_bars
from gilfoyle.media.boxes import children, find

_URI = re.compile(r'URI="([^"]+)"')


@dataclass(frozen=True)
class Stream:
    """A rendition as a player gets it. `objects`: paths below the media's stream."""

    name: str
    init: bytes
    segments: tuple[bytes, ...]
    objects: tuple[str, ...]
    ended: bool


@dataclass
class Verdict:
    """What is wrong with a media, as sentences, and the objects that its playlists name."""

    faults: list[str]
    objects: set[str]


async def verify(http: httpx.AsyncClient, media: dict[str, Any], source: Source, ffmpeg: str) -> Verdict:
    """Fetch all of it and look. What the API does not give is a fault."""
    verdict = Verdict([], {"master.m3u8"})
    wrong = {each["name"]: each["status"] for each in media["renditions"] if each["status"] != "Ready"}
    if wrong:
        verdict.faults.append(f"renditions are not Ready: {wrong}")
    try:
        streams = await _streams(http, f"/stream/{media['playback_ids'][0]}/")
    except (httpx.HTTPError, ValueError) as error:
        verdict.faults.append(f"it can't be fetched: {type(error).__name__}: {error}")
        return verdict
    if (names := {stream.name for stream in streams}) != source.renditions:
        verdict.faults.append(f"its renditions are {sorted(names)}, not {sorted(source.renditions)}")
    for stream in streams:
        verdict.objects.update(stream.objects)
        try:
            found = counted(stream, source) or await _decoded(stream, source, ffmpeg)
        except ValueError as error:
            found = [f"a box is broken: {error}"]
        verdict.faults += [f"{stream.name}: {fault}" for fault in found]
    return verdict


def counted(stream: Stream, source: Source) -> list[str]:
    """By its boxes: as many frames as there should be, each fragment where the one before ends. Raises ValueError."""
    found = [] if stream.ended else ["its playlist has no end"]
    is_audio = stream.name.startswith("audio")
    ticks = 1024 if is_audio else _timescale(stream.init) / source.rate
    frames = 0
    for index, segment in enumerate(stream.segments):
        for at, count in fragments(segment):
            if at != frames * ticks:
                found.append(f"segment {index}: a fragment begins at {at}, not at {frames * ticks}")
            frames += count
    wanted, slack = (source.audio_frames, source.slack) if is_audio else (source.frames, 0)
    if abs(frames - wanted) > slack:
        found.append(f"it has {frames} frames, not {wanted}")
    return found[:5]


def fragments(segment: bytes) -> list[tuple[int, int]]:
    """Of each `moof`: its decode time, in ticks, and how many samples it has. Raises ValueError."""
    found = []
    for kind, start, end in children(segment):
        if kind == b"moof":
            moof = segment[start - 8 : end]
            tfdt, trun = find(moof, b"moof", b"traf", b"tfdt"), find(moof, b"moof", b"traf", b"trun")
            if tfdt is None or trun is None or moof[tfdt[0]] != 1:
                raise ValueError("a fragment without time or samples")
            (at,) = struct.unpack_from(">Q", moof, tfdt[0] + 4)
            (count,) = struct.unpack_from(">I", moof, trun[0] + 4)
            found.append((at, count))
    return found


def _timescale(init: bytes) -> Fraction:
    """Ticks per second of the only track. Raises ValueError."""
    mdhd = find(init, b"moov", b"trak", b"mdia", b"mdhd")
    if mdhd is None:
        raise ValueError("no track in the init segment")
    (ticks,) = struct.unpack_from(">I", init, mdhd[0] + (20 if init[mdhd[0]] == 1 else 12))
    return Fraction(ticks)


async def _decoded(stream: Stream, source: Source, ffmpeg: str) -> list[str]:
    """By decoding it: without a complaint, and every frame is the one that belongs there."""
    is_audio = stream.name.startswith("audio")
    output = ["-f", "null", "-"]
    if not is_audio:
        bars = "crop=iw:ih/6:0:ih/12,scale=16:1:flags=area,format=gray"
        output = ["-fps_mode", "passthrough", "-vf", bars, "-f", "rawvideo", "-"]
    process = await asyncio.create_subprocess_exec(
        ffmpeg, "-v", "error", "-xerror", "-threads", "1", "-i", "pipe:0", *output,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, said = await process.communicate(b"".join((stream.init, *stream.segments)))
    if process.returncode or said:
        return [f"it can't be decoded: {said.decode(errors='replace').strip()[-300:]}"]
    if is_audio or (numbers := read_bars(out)) == source.numbers:
        return []
    return [first_difference(numbers, source.numbers)]


def first_difference(numbers: Sequence[int], wanted: Sequence[int]) -> str:
    """Where two lists of frames part, as a sentence."""
    for index, (number, right) in enumerate(zip(numbers, wanted, strict=False)):
        if number != right:
            return f"frame {index} shows number {number}, not {right}"
    return f"{len(numbers)} frames can be decoded, not {len(wanted)}"


async def _streams(http: httpx.AsyncClient, base: str) -> list[Stream]:
    """What the master playlist names. Raises httpx.HTTPError."""
    master = (await _get(http, base + "master.m3u8")).decode()
    names = [line for line in master.splitlines() if line and not line.startswith("#")]
    names += [uri for line in master.splitlines() if line.startswith("#EXT-X-MEDIA:") for uri in _URI.findall(line)]
    return [await _stream(http, base, name) for name in dict.fromkeys(names)]


async def _stream(http: httpx.AsyncClient, base: str, playlist: str) -> Stream:
    text = (await _get(http, base + playlist)).decode()
    lines = text.splitlines()
    maps = [uri for line in lines if line.startswith("#EXT-X-MAP:") for uri in _URI.findall(line)]
    if len(maps) != 1:
        raise ValueError(f"{playlist} names {len(maps)} init segments")
    uris = [*maps, *(line for line in lines if line and not line.startswith("#"))]
    paths = [urljoin(playlist, uri) for uri in uris]
    init, *segments = [await _get(http, base + path) for path in paths]
    version, name, _ = playlist.split("/")
    listed = tuple(path.removeprefix(f"{version}/") for path in (playlist, *paths))
    return Stream(name, init, tuple(segments), listed, "#EXT-X-ENDLIST" in lines)


async def _get(http: httpx.AsyncClient, path: str) -> bytes:
    answer = await http.get(path)
    answer.raise_for_status()
    return answer.content
