"""The part of ProcessMedia that encodes: passes in flight, publishing what is stored, renditions that fail alone."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ActivityError, is_cancelled_exception

from gilfoyle.tasks import stop, together
from gilfoyle.workflows import routes
from gilfoyle.workflows.faults import Fault, fault_of

with workflow.unsafe.imports_passed_through():
    from gilfoyle.activities.catalog import CatalogActivities, ProgressInput
    from gilfoyle.activities.package import PackageActivities, Packaged, PackageInput
    from gilfoyle.activities.transcode import TranscodeActivities, TranscodeInput
    from gilfoyle.catalog import RenditionProgress, RenditionStatus
    from gilfoyle.media.info import MediaInfo
    from gilfoyle.media.plan import FIRST_PRIORITY, HEAD_PRIORITY, Pass, Plan
    from gilfoyle.workflows.messages import ProcessMediaInput


# Priority does not order equals, so of the passes that keep ahead of a viewer only so many are handed out at a time.
_HEAD_IN_FLIGHT = 3
# How often what the storage has lost is encoded again before the media is given up.
_REPAIRS = 5


class Encoding:
    """One encoding of one media, from its plan to its last playlist."""

    def __init__(self, job: ProcessMediaInput, info: MediaInfo, plan: Plan) -> None:
        self._job = job
        self._info = info
        self._passes = plan.passes
        self._plan = plan.model_copy(update={"passes": []})
        self._audio = {rendition.name for rendition in plan.audio}
        self._slots = asyncio.Semaphore(job.policy.passes_in_flight)
        self._head = asyncio.Semaphore(_HEAD_IN_FLIGHT)
        self._stored = False
        self._encoded = False
        self._loss: Fault | None = None
        self.failed: dict[str, Fault] = {}
        """Renditions that can't be encoded, and why."""
        self.cid: str | None = None
        """Once all is published: of the encoding's folder, in IPFS."""

    def note_stored(self) -> None:
        """Something new is in the storage: publish it soon."""
        self._stored = True

    async def run(self) -> None:
        """Encode and publish everything. Raises ActivityError if the media as a whole can't go on."""
        urgent = [chunk for chunk in self._passes if chunk.priority == FIRST_PRIORITY]
        others = [chunk for chunk in self._passes if chunk.priority != FIRST_PRIORITY]
        tasks = self._start(urgent)
        try:
            # Priority orders what has to wait; idle workers take what arrives first. So what makes the media playable
            # is handed out before the rest, and where that is only a segment of each, nothing shares the cores with it.
            if all(chunk.count == 1 for chunk in urgent) and workflow.patched("first-segments-alone"):
                await asyncio.gather(*tasks)
            await self._publish(final=False)
            passes = [*tasks, *self._start(others)]
            tasks = [asyncio.create_task(self._publish_as_it_grows()), *passes]
            tasks.append(asyncio.create_task(self._note_end(passes)))
            await asyncio.gather(*tasks)
        except BaseException:
            await stop(tasks)
            raise
        if self.fatal_fault() is None:
            await self._complete()

    async def _complete(self) -> None:
        """Publish the whole. What the storage has lost since it was stored (a crash, a hand) is encoded again."""
        packaged = await self._publish(final=True)
        for _ in range(_REPAIRS):
            if not packaged.lost:
                break
            workflow.logger.warning("the storage has lost segments of %s", ", ".join(packaged.lost))
            await self._encode_again(packaged.lost)
            packaged = await self._publish(final=True)
        self.cid = packaged.cid
        if packaged.lost:
            sentence = f"The storage keeps losing segments of {', '.join(packaged.lost)}: run `gilfoyle storage check`."
            self._loss = Fault("storage_failed", "storage_lost", sentence)

    async def _encode_again(self, renditions: list[str]) -> None:
        """Run their passes once more: what is stored, each of them finds and leaves."""
        await together(*self._start([chunk for chunk in self._passes if set(chunk.renditions) & set(renditions)]))

    def _start(self, passes: list[Pass]) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self._encode(chunk)) for chunk in passes]

    async def _note_end(self, passes: list[asyncio.Task[None]]) -> None:
        await asyncio.gather(*passes)
        self._encoded = True

    def fatal_fault(self) -> Fault | None:
        """Why there is nothing to watch or hear: every picture failed, or every sound of a media without picture.

        Or what was stored is lost again and again.
        """
        if self._loss:
            return self._loss
        essential = [rendition.name for rendition in self._plan.video] or sorted(self._audio)
        if any(name not in self.failed for name in essential):
            return None
        return self.failed[essential[-1]]

    async def _encode(self, chunk: Pass) -> None:
        in_head = chunk.priority == HEAD_PRIORITY and not set(chunk.renditions) <= self._audio
        async with self._head if in_head else self._slots:
            await self._attempt(chunk)
        self._stored = True

    async def _attempt(self, chunk: Pass) -> None:
        """One pass. A shared one that keeps failing is split, so that a rendition that can't be encoded fails alone."""
        names = [name for name in chunk.renditions if name not in self.failed]
        if not names:
            return
        try:
            await self._transcode(chunk.model_copy(update={"renditions": names}))
        except ActivityError as error:
            fault = fault_of(error)
            if is_cancelled_exception(error) or fault.kind != "encode_failed":
                raise
            if len(names) == 1:
                self.failed[names[0]] = fault
                return
            for name in names:
                await self._attempt(chunk.model_copy(update={"renditions": [name]}))

    async def _transcode(self, chunk: Pass) -> None:
        grid = self._plan.grid
        end = min(chunk.first + chunk.count, grid.segments)
        is_audio = set(chunk.renditions) <= self._audio
        await workflow.execute_activity_method(
            TranscodeActivities.encode_audio if is_audio else TranscodeActivities.encode_video,
            TranscodeInput(
                media_id=self._job.media_id,
                encoding=self._job.encoding,
                storage=self._job.storage,
                info=self._info,
                plan=self._plan,
                policy=self._job.policy,
                chunk=chunk,
            ),
            summary=f"{' + '.join(chunk.renditions)}: segments {chunk.first}–{end - 1}",
            priority=Priority(priority_key=chunk.priority, fairness_key=str(self._job.media_id)),
            **routes.transcode(
                float(grid.segment_start(end) - grid.segment_start(chunk.first)),
                len(chunk.renditions),
                self._job.heartbeat_timeout_s,
            ),
        )

    async def _publish_as_it_grows(self) -> None:
        while True:
            await workflow.wait_condition(lambda: self._stored or self._encoded)
            if self._encoded:
                return
            self._stored = False
            await self._publish(final=False)

    async def _publish(self, *, final: bool) -> Packaged:
        audio = self._info.main_audio
        packaged: Packaged = await workflow.execute_activity_method(
            PackageActivities.package,
            PackageInput(
                media_id=self._job.media_id,
                encoding=self._job.encoding,
                storage=self._job.storage,
                plan=self._plan,
                language=audio.language if audio else None,
                failed=sorted(self.failed),
                final=final,
            ),
            summary="whole" if final else "as far as it is",
            **routes.io(),
        )
        workflow.set_current_details(_details(packaged, self.failed))
        await workflow.execute_activity_method(
            CatalogActivities.update_progress,
            ProgressInput(
                media_id=self._job.media_id,
                encoding=self._job.encoding,
                renditions=[*packaged.renditions, *map(_errored, self.failed.items())],
                playable=packaged.playable,
                progress=packaged.progress,
            ),
            summary=f"{packaged.progress:.0%}",
            **routes.catalog(),
        )
        return packaged


def _errored(failed: tuple[str, Fault]) -> RenditionProgress:
    name, fault = failed
    return RenditionProgress(
        name=name, status=RenditionStatus.ERRORED, error_code=fault.code, error_message=fault.message
    )


def _details(packaged: Packaged, failed: dict[str, Any]) -> str:
    """Markdown for Temporal's web UI."""
    lines = [f"**{packaged.progress:.0%}**, {'playable' if packaged.playable else 'not playable yet'}", ""]
    lines += [f"- {row.name}: {row.status}, {row.stored_segments} segments" for row in packaged.renditions]
    lines += [f"- {name}: failed, {fault.message}" for name, fault in failed.items()]
    return "\n".join(lines)
