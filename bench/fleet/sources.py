"""Films that are probed and planned like any other and take almost no disk: a black frame and silence."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from uuid import uuid4

from temporalio.testing import ActivityEnvironment

from bench.source import Say, kept, loop_command
from bench.subject import Subject, examine
from gilfoyle.activities.transcode import TranscodeActivities, TranscodeInput
from gilfoyle.config import Settings, StorageSettings
from gilfoyle.ffmpeg.tools import ffmpeg_path, ffprobe_path
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.storage import FilesystemStorage, Storages, keys

_MINUTE_S = 60
_SAMPLE_S = 2
_LANGUAGES = ("eng", "deu", "fra")


def still(cache: Path, seconds: int, settings: Settings, say: Say, tracks: int = 1) -> Subject:
    """1080p30 of that length with so many audio tracks, at most three, and its plan. Raises EncodeFailed."""
    ffmpeg = ffmpeg_path(settings.tools)
    audio = "" if tracks == 1 else f"-{tracks}audio"
    minute = kept(cache / f"still-60s-1080p30{audio}.mp4", lambda draft: command(ffmpeg, draft, tracks), say)
    file = cache / f"still-{seconds}s-1080p30{audio}.mp4"
    return examine(kept(file, lambda draft: loop_command(ffmpeg, minute, seconds, draft), say), settings)


def inits(subject: Subject, settings: Settings, folder: Path) -> None:
    """Into `folder` a real init segment of each rendition of the subject's ladder, `{name}.mp4`."""
    with tempfile.TemporaryDirectory(prefix="gfb-") as name:
        place = Path(name)
        short = place / "short.mp4"
        ffmpeg = ffmpeg_path(settings.tools)
        kept(short, lambda draft: loop_command(ffmpeg, subject.source, _SAMPLE_S, draft), lambda _: None)
        storage = FilesystemStorage(place / "storage")
        asyncio.run(_inits(examine(short, settings), settings, storage, folder))


async def _inits(sample: Subject, settings: Settings, storage: FilesystemStorage, folder: Path) -> None:
    """As the workers would make them, of the sample."""
    tools, media_id = settings.tools, uuid4()
    await storage.write(keys.source(media_id), sample.source.read_bytes())
    transcode = TranscodeActivities(
        Storages(StorageSettings(), {"filesystem": storage}),
        ffmpeg_path(tools),
        ffprobe_path(tools),
        threads=1,
        memory_mb=settings.limits.memory_mb,
        stall_s=settings.workers.stall_timeout_s,
    )
    plan = sample.plan.model_copy(update={"passes": []})
    for chunk in sample.plan.passes:
        encode = transcode.encode_audio if plan.is_audio(chunk) else transcode.encode_video
        job = TranscodeInput(
            media_id=media_id,
            encoding=1,
            info=sample.info,
            plan=plan,
            policy=EncodingPolicy.of(settings.encoding),
            chunk=chunk,
        )
        await ActivityEnvironment().run(encode, job)
    for name in sample.renditions:
        init = f"{keys.rendition_prefix(media_id, 1, name)}/{keys.INIT_NAME}"
        (folder / f"{name}.mp4").write_bytes(await storage.read(init))


def command(ffmpeg: str, file: Path, tracks: int = 1) -> list[str]:
    """A minute."""
    maps = [part for _ in range(tracks) for part in ("-map", "1:a")]
    languages = [
        part for index in range(tracks) for part in (f"-metadata:s:a:{index}", f"language={_LANGUAGES[index]}")
    ]
    return [
        ffmpeg, "-v", "error", "-nostdin", "-y",
        "-f", "lavfi", "-i", "color=black:size=1920x1080:rate=30",
        "-f", "lavfi", "-i", "anullsrc=sample_rate=48000:channel_layout=stereo",
        "-map", "0:v", *maps, *languages,
        "-t", str(_MINUTE_S), "-c:v", "libx264", "-preset", "ultrafast", "-g", "60", "-c:a", "aac", "-b:a", "32k",
        "-movflags", "+faststart", str(file),
    ]  # fmt: skip
