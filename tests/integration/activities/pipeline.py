"""One media taken through the activities by hand, on a folder, with real ffmpeg and no server."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import psutil
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from gilfoyle.activities.package import PackageActivities, Packaged, PackageInput
from gilfoyle.activities.probe import ProbeActivities, ProbeInput
from gilfoyle.activities.transcode import TranscodeActivities, TranscodeInput
from gilfoyle.catalog import Published
from gilfoyle.config import LimitSettings, StorageSettings
from gilfoyle.media.info import MediaInfo
from gilfoyle.media.plan import Pass, Plan, make_plan
from gilfoyle.media.policy import AudioRung, EncodingPolicy, VideoRung
from gilfoyle.storage import FilesystemStorage, Storages, keys
from tests.sources import FFMPEG, FFPROBE, read_numbers, run

LIMITS = LimitSettings(memory_mb=4096)
SMALL = EncodingPolicy(
    video=[VideoRung(height=height, max_kbps=2000) for height in (180, 120, 90)],
    audio=[AudioRung(kbps=64)],
    preset="superfast",  # the fastest with B-frames
    gop_s=0.5,
    segment_gops=1,
    chunk_s=4,
)
"""Three rungs of a 320×180 source; segments of half a second in chunks of 1, 2, 4, 8 … of them."""
LOWEST = SMALL.model_copy(update={"video": SMALL.video[-1:]})
"""One rung only, for what is not about the ladder."""


@dataclass
class Signals:
    """Stands for the client that tells the workflow of stored segments: it counts them."""

    names: list[str] = field(default_factory=list)

    def get_workflow_handle(self, _workflow_id: str) -> Signals:
        return self

    async def signal(self, name: str, **options: Any) -> None:
        self.names.append(name)


class Pipeline:
    """The activities around one media."""

    def __init__(self, root: Path, policy: EncodingPolicy = SMALL, *, ffmpeg: str = FFMPEG) -> None:
        self.media_id: UUID = uuid4()
        self.policy = policy
        self.signals = Signals()
        self.root = root / "storage"
        self.storage = FilesystemStorage(self.root)
        storages = Storages(StorageSettings(), {"filesystem": self.storage})
        self._probe = ProbeActivities(storages, FFMPEG, FFPROBE, LIMITS)
        self._transcode = TranscodeActivities(
            storages, ffmpeg, FFPROBE, threads=2, memory_mb=LIMITS.memory_mb, stall_s=300
        )
        self._package = PackageActivities(storages, self)
        self.info: MediaInfo
        self.plan: Plan

    def environment(self) -> ActivityEnvironment:
        """A new activity's surroundings."""
        return ActivityEnvironment(client=cast(Client, self.signals))

    def store(self, source: Path) -> None:
        """Put the source where the activities look for it."""
        place = self.root / keys.source(self.media_id)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)

    async def probe(self, source: Path) -> MediaInfo:
        """Store and probe. Raises UnsupportedMedia."""
        self.store(source)
        self.info = await self.environment().run(self._probe.probe, ProbeInput(media_id=self.media_id))
        # Through JSON, as it comes out of the history.
        self.info = MediaInfo.model_validate_json(self.info.model_dump_json())
        self.plan = make_plan(self.info, self.policy)
        return self.info

    async def encode(
        self, passes: Iterable[Pass] | None = None, environment: ActivityEnvironment | None = None
    ) -> None:
        """Run passes, all of the plan's by default. Raises EncodeFailed, StorageError."""
        audio_tracks = {rendition.name for rendition in self.plan.audio}
        for chunk in self.plan.passes if passes is None else passes:
            job = TranscodeInput(
                media_id=self.media_id,
                encoding=1,
                info=self.info,
                plan=self.plan.model_copy(update={"passes": []}),
                policy=self.policy,
                chunk=chunk,
            )
            encode = (
                self._transcode.encode_audio if audio_tracks & set(chunk.renditions) else self._transcode.encode_video
            )
            await (environment or self.environment()).run(encode, job)

    async def package(self, *, final: bool = True, failed: Iterable[str] = ()) -> Packaged:
        """Write the playlists."""
        return await self.environment().run(
            self._package.package,
            PackageInput(
                media_id=self.media_id,
                encoding=1,
                plan=self.plan,
                failed=list(failed),
                final=final,
            ),
        )

    async def process(self, source: Path) -> Packaged:
        """All of it."""
        await self.probe(source)
        await self.encode()
        return await self.package()

    @asynccontextmanager
    async def publishing(self, media_id: UUID, encoding: int) -> AsyncIterator[Published]:
        """Its tracks, as the catalog would know them."""
        yield Published(self.plan.tracks, 0)

    @property
    def folder(self) -> Path:
        """Where the encoding lies."""
        return self.root / str(self.media_id) / "1"

    def playlist(self, rendition: str) -> Path:
        return self.folder / rendition / "index.m3u8"

    @property
    def master(self) -> Path:
        return self.folder / "master.m3u8"

    @property
    def video(self) -> list[str]:
        return [rendition.name for rendition in self.plan.video]

    @property
    def audio(self) -> list[str]:
        return [rendition.name for rendition in self.plan.audio]

    def numbers(self) -> dict[str, list[int]]:
        """The frames of every video rendition, decoded. Fails on any warning of ffmpeg."""
        return {name: read_numbers(self.playlist(name)) for name in self.video}

    async def etags(self) -> dict[str, str]:
        """Every object of the encoding and its etag, without the media's id."""
        prefix = keys.encoding_prefix(self.media_id, 1)
        return {item.key.removeprefix(f"{prefix}/"): item.etag async for item in self.storage.list(prefix)}


def ffmpegs() -> list[psutil.Process]:
    """Those that this process has started."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has just ended
            if "ffmpeg" in child.name():
                found.append(child)
    return found


def packets(playlist: Path) -> list[tuple[Fraction, Fraction]]:
    """A playlist's packets in order of presentation: start and end, in seconds."""
    out = run(FFPROBE, "-v", "error", "-show_entries", "packet=pts_time,duration_time", "-of", "json", str(playlist))
    found = [(Fraction(item["pts_time"]), Fraction(item["duration_time"])) for item in json.loads(out)["packets"]]
    return sorted((start, start + length) for start, length in found)


def streams(path: Path) -> list[dict[str, Any]]:
    """What ffprobe says of a file's or playlist's streams."""
    out = run(FFPROBE, "-v", "error", "-show_streams", "-of", "json", str(path))
    return list(json.loads(out)["streams"])
