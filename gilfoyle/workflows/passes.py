"""Passes in flight: how many at a time, which renditions fail alone, and what those still lack."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
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
    from gilfoyle.temporal.messages import EncodingState, FailedRendition, ProcessMediaInput


class Ranges:
    """Half-open ranges of numbers; adjacent ranges are joined."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._ranges = sorted(ranges)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._ranges)

    def __contains__(self, wanted: tuple[int, int]) -> bool:
        """Whether one range contains the whole other range."""
        return any(first <= wanted[0] and wanted[1] <= end for first, end in self._ranges)

    def add(self, first: int, end: int) -> None:
        apart = [each for each in self._ranges if each[1] < first or end < each[0]]
        touching = [each for each in self._ranges if each not in apart]
        joined = min([first, *(each[0] for each in touching)]), max([end, *(each[1] for each in touching)])
        self._ranges = sorted([*apart, joined])


_NONE = Ranges()


class _Line:
    """A queue of passes with its own limit on how many are in flight."""

    def __init__(self, in_flight: int) -> None:
        self.slots = asyncio.Semaphore(in_flight)
        self.throttle = Throttle()


class Passes:
    """Runs the passes of one encoding. `plan`: without its passes. `stored` is called after each pass.

    A history must not grow without end: once it is long, no more passes are begun. The next run of the workflow goes
    through all passes again; those that have ended cost it nothing.
    """

    def __init__(
        self,
        job: ProcessMediaInput,
        info: MediaInfo,
        plan: Plan,
        stored: Callable[[], None],
        state: EncodingState | None = None,
    ) -> None:
        self._job = job
        self._info = info
        self._plan = plan
        self._stored = stored
        # Paced passes have queues of their own: behind everything that is handed out at once they would come too late
        # for a viewer. Whether audio or video reaches Temporal's queue first does not matter.
        self._audio, self._paced, self._others = (_Line(job.policy.passes_in_flight) for _ in range(3))
        self._tasks: list[asyncio.Task[Any]] = []
        self._owed: dict[str, list[Pass]] = {}
        self._encoded: dict[str, Ranges] = {}
        self._begun: dict[str, Ranges] = {}
        self.failed: dict[str, Reason] = {}
        """Renditions that can't be encoded, and why."""
        self.draining = False
        """This run of the workflow begins no more passes."""
        if state:
            self._encoded = {name: Ranges(ranges) for name, ranges in state.encoded.items()}
            self._owed = {name: list(each.lacks) for name, each in state.failed.items()}
            self.failed = {name: Reason(each.kind, each.code, each.message) for name, each in state.failed.items()}

    def state(self, info: MediaInfo) -> EncodingState:
        """What the next run needs to know about the passes."""
        failed = {
            name: FailedRendition(kind=why.kind, code=why.code, message=why.message, lacks=self._owed.get(name, []))
            for name, why in self.failed.items()
        }
        encoded = {name: list(ranges) for name, ranges in self._encoded.items()}
        return EncodingState(info=info, encoded=encoded, failed=failed)

    def start(self, passes: Sequence[Pass]) -> list[asyncio.Task[Spent | None]]:
        """Run the passes as soon as there are slots."""
        tasks = [asyncio.create_task(self._encode(chunk)) for chunk in passes]
        self._tasks += tasks
        return tasks

    def run(self, order: Callable[[Encode], Coroutine[Any, Any, None]]) -> None:
        """Run passes in an order of the caller's choice: `order` gets a function that runs one pass."""
        self._tasks.append(asyncio.create_task(order(self._encode)))

    def again(self, rendition: str) -> None:
        """Run what a failed rendition lacks, in passes of its own. Passes that have not begun include it again."""
        del self.failed[rendition]
        self.start([chunk.model_copy(update={"renditions": [rendition]}) for chunk in self._owed.pop(rendition, [])])

    def forget(self, renditions: Sequence[str]) -> None:
        """Run all passes of the renditions again, though they have ended: some segments were lost."""
        for name in renditions:
            self._encoded.pop(name, None)

    def is_held_back(self, chunk: Pass) -> bool:
        """Whether some of a pass was not handed to Temporal yet, and will be."""
        segments = chunk.first, chunk.first + chunk.count
        return any(
            name not in self.failed
            and segments not in self._begun.get(name, _NONE)
            and segments not in self._encoded.get(name, _NONE)
            for name in chunk.renditions
        )

    @property
    def under_way(self) -> bool:
        """Whether any pass has not ended."""
        return not all(task.done() for task in self._tasks)

    async def ended(self) -> None:
        """Wait until all passes have ended, including those started meanwhile. Raises the first error."""
        done = 0
        while done < len(self._tasks):
            batch = self._tasks[done:]
            await asyncio.gather(*batch)
            done += len(batch)

    async def stop(self) -> None:
        """Cancel running passes, and wait until their ffmpeg processes have ended."""
        await stop(self._tasks)

    async def _encode(self, chunk: Pass) -> Spent | None:
        if not (chunk := self._lacking(chunk)).renditions:
            return None
        line = self._line_of(chunk)
        async with line.slots:
            if self._is_to_drain():
                return None
            if chunk.priority != FIRST_PRIORITY:  # what makes a media playable waits for nothing
                await line.throttle.enter()
            spent = await self._attempt(chunk)
        self._stored()
        return spent

    def _lacking(self, chunk: Pass) -> Pass:
        """The pass without the renditions that an earlier run has encoded or given up."""
        segments = chunk.first, chunk.first + chunk.count
        names = [
            name
            for name in chunk.renditions
            if segments not in self._encoded.get(name, _NONE)
            and not any(each.first == chunk.first for each in self._owed.get(name, []))
        ]
        return chunk.model_copy(update={"renditions": names})

    def _is_to_drain(self) -> bool:
        if not self.draining and self._is_long(workflow.info()):
            self.draining = workflow.patched("goes on in another run")
        return self.draining

    def _is_long(self, history: workflow.Info) -> bool:
        return (
            history.get_current_history_length() > self._job.most_events
            or history.get_current_history_size() > self._job.most_bytes
        )

    def _line_of(self, chunk: Pass) -> _Line:
        if self._plan.is_audio(chunk):
            return self._audio
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
            spent = await self._transcode(chunk.model_copy(update={"renditions": names}))
            for name in names:
                self._encoded.setdefault(name, Ranges()).add(chunk.first, chunk.first + chunk.count)
            return spent
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
        for name in chunk.renditions:
            self._begun.setdefault(name, Ranges()).add(chunk.first, chunk.first + chunk.count)
        return await workflow.execute_activity_method(
            TranscodeActivities.encode_audio if self._plan.is_audio(chunk) else TranscodeActivities.encode_video,
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
                capability=self._plan.capability(chunk),
            ),
        )
