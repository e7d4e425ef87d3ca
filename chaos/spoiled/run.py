"""One run: spoil files, send many at once to one `gilfoyle up`, and look at what becomes of each."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import httpx
from temporalio.testing import ActivityEnvironment

from bench.server import Server, running
from chaos.spoiled import calls, outcome, spoiling
from chaos.spoiled.originals import Original, make
from chaos.spoiled.outcome import Outcome, Report
from chaos.spoiled.watching import ALLOWED, TOOLS, Watch
from gilfoyle.activities.verify import VerifyActivities
from gilfoyle.config import ToolSettings
from gilfoyle.errors import GilfoyleError
from gilfoyle.ffmpeg.tools import ffmpeg_path, ffprobe_path
from gilfoyle.storage import Storages
from gilfoyle.tasks import stop
from gilfoyle.temporal.messages import VerifyMediaInput

_AT_ONCE = 6
_JUDGED_AT_ONCE = 2
_GIVE_UP_S = 300.0
_POLL_S = 0.3
_CALM_S = 10.0
_STALL_S = 30


@dataclass(frozen=True)
class Options:
    """`only`: the number of one file of the run; `keep`: a folder in which those with a finding are left.

    `calls`: every file and socket that ffmpeg opens is written down, by strace.
    """

    files: int
    seed: int
    only: int | None = None
    keep: Path | None = None
    calls: bool = False


async def run(options: Options, say: Callable[[str], None]) -> Report:
    """The report. Raises GilfoyleError if it can't begin."""
    began = time.monotonic()
    ffmpeg = ffmpeg_path(ToolSettings())
    originals = await asyncio.to_thread(make, ffmpeg, say)
    with TemporaryDirectory(prefix="gfc-") as folder:
        written = Path(folder) / "calls"
        before = calls.traced(written) if options.calls else []
        with running({"GILFOYLE_WORKERS__STALL_TIMEOUT_S": str(_STALL_S)}, before) as server:
            outcomes, faults = await _Run(options, originals, server, ffmpeg, say).run()
        if options.calls:
            faults += await asyncio.to_thread(_called, written, server.settings.storage.filesystem.path, say)
    return Report(options.seed, outcomes, faults, time.monotonic() - began)


def _called(written: Path, media: Path, say: Callable[[str], None]) -> list[str]:
    """What ffmpeg opened that it should not have."""
    with written.open(errors="replace") as lines:
        found = calls.read(lines, TOOLS, [f"{media}/", *ALLOWED])
    say(f"{found.tools} runs of ffmpeg and ffprobe opened {found.opens} files")
    return sorted(found.faults)


class _Run:
    def __init__(
        self,
        options: Options,
        originals: list[Original],
        server: Server,
        ffmpeg: str,
        say: Callable[[str], None],
    ) -> None:
        self._options, self._originals, self._say = options, originals, say
        self._data = {original: original.path.read_bytes() for original in originals}
        self._storages = Storages(server.settings.storage)
        self._media = server.settings.storage.filesystem.path
        self._watch = Watch(server.pid, self._media)
        self._judge = VerifyActivities(
            self._storages, ffmpeg, ffprobe_path(ToolSettings()), threads=1, memory_mb=4096, stall_s=_STALL_S, nice=0
        )
        self._http = httpx.AsyncClient(base_url=server.url, timeout=60, trust_env=False)
        self._sending, self._judging = asyncio.Semaphore(_AT_ONCE), asyncio.Semaphore(_JUDGED_AT_ONCE)
        self._done = 0

    async def run(self) -> tuple[list[Outcome], list[str]]:
        """What became of the files, and what is wrong beside them."""
        workers = self._watch.workers()
        watching = asyncio.create_task(self._watch.run())
        try:
            numbers = range(self._options.files) if self._options.only is None else [self._options.only]
            outcomes = await asyncio.gather(*(self._one(number) for number in numbers))
            return list(outcomes), await self._beside(workers)
        finally:
            await stop([watching])
            await self._http.aclose()
            await self._storages.close()

    async def _one(self, number: int) -> Outcome:
        rng = random.Random(f"{self._options.seed}-{number}")
        original = self._originals[number % len(self._originals)]
        others = [self._data[rng.choice(self._originals)] for _ in range(3)]
        data, ways = spoiling.spoiled(f"{self._options.seed}-{number}-bytes", self._data[original], others)
        found = Outcome(number, original.name, original.container, ways)
        async with self._sending:
            began = time.monotonic()
            media = await self._sent(found, original, data)
            found.seconds = time.monotonic() - began
        if media and media["status"] == "Ready":
            async with self._judging:
                await self._judged(found, media)
        if found.finding and self._options.keep:
            self._options.keep.mkdir(parents=True, exist_ok=True)
            (self._options.keep / f"{self._options.seed}-{number}-{original.name}").write_bytes(data)
        self._done += 1
        if self._done % 25 == 0:
            self._say(f"{self._done} files done")
        return found

    async def _sent(self, found: Outcome, original: Original, data: bytes) -> dict[str, object] | None:
        """The media once it is Ready or Errored; None if it never is."""
        created = (await self._http.post("/v1/medias", json={"title": f"{found.number} {original.name}"})).json()[
            "data"
        ]
        path = f"/v1/medias/{created['id']}"
        answer = await self._http.post(f"{path}/upload/{original.sent_as}", files={"file": (original.name, data)})
        if not answer.is_success:
            found.what, found.code, found.message = outcome.REFUSED, answer.json()["code"], answer.json()["message"]
            return None
        until = time.monotonic() + _GIVE_UP_S
        while time.monotonic() < until:
            media: dict[str, object] = (await self._http.get(path)).json()["data"]
            if media["status"] in ("Ready", "Errored"):
                self._note(found, media)
                return media
            await asyncio.sleep(_POLL_S)
        return None

    def _note(self, found: Outcome, media: dict[str, object]) -> None:
        error = media["error"]
        if media["status"] == "Errored" and isinstance(error, dict):
            found.what, found.code, found.message = outcome.ERRORED, error["code"], error["message"]

    async def _judged(self, found: Outcome, media: dict[str, object]) -> None:
        renditions = media["renditions"]
        assert isinstance(renditions, list)
        job = VerifyMediaInput(
            media_id=UUID(str(media["id"])),
            encoding=1,
            has_video=media["kind"] != "audio",
            renditions={each["name"]: each["stored_bytes"] for each in renditions if each["status"] == "Ready"},
        )
        try:
            found.differences = outcome.differences(await ActivityEnvironment().run(self._judge.verify, job))
        except GilfoyleError as error:
            found.differences = [f"it can't be verified: {error.message}"]
        found.what = outcome.DIFFERS if found.differences else outcome.AGREES

    async def _beside(self, workers: set[int]) -> list[str]:
        """Processes that died or were left, files and connections that were opened, files that were left."""
        faults = []
        if gone := workers - self._watch.workers():
            faults.append(f"{len(gone)} processes of the server have ended while it worked.")
        until = time.monotonic() + _CALM_S
        while (left := self._watch.tools()) and time.monotonic() < until:
            await asyncio.sleep(0.5)
        faults += [f"It was left behind: {' '.join(tool.cmdline())[:200]}" for tool in left]
        faults += sorted(self._watch.opened)
        faults += [f"{path.name} lies in the storage, and is no media." for path in self._strangers()]
        return faults

    def _strangers(self) -> list[Path]:
        """What is in the storage beside the folders of medias and what is being written."""
        return [path for path in self._media.iterdir() if path.name != ".tmp" and not _is_media(path)]


def _is_media(path: Path) -> bool:
    try:
        UUID(path.name)
    except ValueError:
        return False
    return path.is_dir()
