"""Passes in flight: how many at a time, which renditions fail alone, and what those still lack."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ActivityError, is_cancelled_exception

from gilfoyle.tasks import raise_if_cancelled, stop
from gilfoyle.temporal import routes
from gilfoyle.temporal.failures import Reason, reason_of
from gilfoyle.workflows.pacing import Encode
from gilfoyle.workflows.throttle import Throttle

with workflow.unsafe.imports_passed_through():
    from gilfoyle.activities.transcode import Spent, TranscodeActivities, TranscodeInput
    from gilfoyle.media.info import MediaInfo
    from gilfoyle.media.plan import FIRST_PRIORITY, Pass, Plan
    from gilfoyle.temporal.messages import ProcessMediaInput


class _Line:
    """Passes that wait for each other, and not for those of another line: so many are in flight at a time."""

    def __init__(self, in_flight: int) -> None:
        self.slots = asyncio.Semaphore(in_flight)
        self.throttle = Throttle()


class Passes:
    """The passes of one encoding. `plan`: without its passes. `stored` is called whenever one has ended."""

    def __init__(self, job: ProcessMediaInput, info: MediaInfo, plan: Plan, stored: Callable[[], None]) -> None:
        self._job = job
        self._info = info
        self._plan = plan
        self._stored = stored
        # What is paced has lines of its own: behind all that is handed out at once it would come too late for who
        # watches. And whether sound or picture reaches the queue first does not matter.
        self._sound, self._paced, self._others = (_Line(job.policy.passes_in_flight) for _ in range(3))
        self._tasks: list[asyncio.Task[Any]] = []
        self._owed: dict[str, list[Pass]] = {}
        self.failed: dict[str, Reason] = {}
        """Renditions that can't be encoded, and why."""

    def start(self, passes: Sequence[Pass]) -> list[asyncio.Task[Spent | None]]:
        """Run them as soon as there are slots."""
        tasks = [asyncio.create_task(self._encode(chunk)) for chunk in passes]
        self._tasks += tasks
        return tasks

    def run(self, order: Callable[[Encode], Coroutine[Any, Any, None]]) -> None:
        """Run passes in an order of their own: `order` is given what runs one."""
        self._tasks.append(asyncio.create_task(order(self._encode)))

    def again(self, rendition: str) -> None:
        """Of one that has failed: run alone what it lacks. Passes that have not begun yet include it again."""
        del self.failed[rendition]
        self.start([chunk.model_copy(update={"renditions": [rendition]}) for chunk in self._owed.pop(rendition, [])])

    @property
    def under_way(self) -> bool:
        """Whether any has not ended."""
        return not all(task.done() for task in self._tasks)

    async def ended(self) -> None:
        """Wait until all have ended, also those that are started meanwhile. Raises what the first that fails raises."""
        done = 0
        while done < len(self._tasks):
            batch = self._tasks[done:]
            await asyncio.gather(*batch)
            done += len(batch)

    async def stop(self) -> None:
        """Cancel those that run, and wait until their ffmpegs have ended."""
        await stop(self._tasks)

    async def _encode(self, chunk: Pass) -> Spent | None:
        line = self._line_of(chunk)
        async with line.slots:
            if chunk.priority != FIRST_PRIORITY:  # what makes a media playable waits for nothing
                await line.throttle.enter()
            spent = await self._attempt(chunk)
        self._stored()
        return spent

    def _line_of(self, chunk: Pass) -> _Line:
        if self._plan.is_sound(chunk):
            return self._sound
        return self._paced if chunk.ahead else self._others

    async def _attempt(self, chunk: Pass) -> Spent | None:
        """One pass. A shared one that keeps failing is split, so that a rendition that can't be encoded fails alone."""
        for name in chunk.renditions:
            if name in self.failed:
                self._owe(name, chunk)
        names = [name for name in chunk.renditions if name not in self.failed]
        if not names:
            return None
        try:
            return await self._transcode(chunk.model_copy(update={"renditions": names}))
        except ActivityError as error:
            fault = reason_of(error)
            if is_cancelled_exception(error) or fault.kind != "encode_failed":
                raise
            raise_if_cancelled()
            if len(names) == 1:
                self.failed[names[0]] = fault
                self._owe(names[0], chunk)
                return None
            for name in names:
                await self._attempt(chunk.model_copy(update={"renditions": [name]}))
            return None

    def _owe(self, name: str, chunk: Pass) -> None:
        self._owed.setdefault(name, []).append(chunk)

    async def _transcode(self, chunk: Pass) -> Spent | None:
        grid = self._plan.grid
        end = min(chunk.first + chunk.count, grid.segments)
        return await workflow.execute_activity_method(
            TranscodeActivities.encode_audio if self._plan.is_sound(chunk) else TranscodeActivities.encode_video,
            TranscodeInput(
                media_id=self._job.media_id,
                encoding=self._job.encoding,
                upload=self._job.upload,
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
                short=chunk.short,
            ),
        )
