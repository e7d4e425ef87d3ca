"""MoveStorage: move every media into one backend while all stay playable."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from gilfoyle.tasks import gather_or_cancel, stop
from gilfoyle.temporal import routes
from gilfoyle.temporal.failures import reason_of

with workflow.unsafe.imports_passed_through():
    from gilfoyle.activities.move import (
        Candidate,
        ClearInput,
        MoveActivities,
        Moved,
        MoveInput,
        NextInput,
        NextMedias,
        OpenInput,
        Outcome,
    )
    from gilfoyle.temporal.messages import FailedMove, MoveProgress, MoveStorageInput

# An attempt may copy for so long; it beats, so a dead worker is noticed at once, and the next goes on where it was.
_LONGEST = timedelta(hours=24)
# What fails so often fails for one reason; and the list of them is handed on from run to run.
_MOST_FAILED = 1000


@workflow.defn
class MoveStorage:
    """page of medias → copy, verify and switch each → linger → remove the old objects; repeat until none is left.

    A media that is being uploaded or processed moves in a later round. A media that can't be moved stays where it is,
    and the result names it.
    """

    @workflow.init
    def __init__(self, job: MoveStorageInput) -> None:
        self._job = job
        self._progress = job.progress or MoveProgress(target=job.target, source=job.source)
        self._after = job.after
        self._held_up = False
        self._slots = asyncio.Semaphore(job.concurrency)
        self._touched: dict[Candidate, None] = {}
        self._clearing: list[asyncio.Task[None]] = []

    @workflow.query
    def progress(self) -> MoveProgress:
        """How far the move is."""
        return self._progress

    @workflow.run
    async def run(self, job: MoveStorageInput) -> MoveProgress:
        """Move all medias. Fails at once if a worker can't open the target. Cancelled, it leaves each media whole."""
        try:
            if job.progress is None:
                await self._open()
            done = await self._work()
            await asyncio.gather(*self._clearing)
        except (Exception, asyncio.CancelledError) as error:
            if is_cancelled_exception(error):
                await self._clean_up()
            await self._end()
            raise
        await workflow.wait_condition(workflow.all_handlers_finished)
        if done:
            await self._end()
        else:
            workflow.continue_as_new(job.model_copy(update={"after": self._after, "progress": self._progress}))
        return self._progress

    async def _open(self) -> None:
        try:
            await workflow.execute_activity_method(
                MoveActivities.open_backend,
                OpenInput(storage=self._job.target, job=self._job),
                summary=self._job.target,
                **routes.io(),
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            fault = reason_of(error)
            raise ApplicationError(fault.message, fault.code, type=fault.kind, non_retryable=True) from error

    async def _end(self) -> None:
        await workflow.execute_activity_method(
            MoveActivities.end_move, summary="it is not begun again", **routes.catalog()
        )

    async def _work(self) -> bool:
        """Move as many pages as one history should hold; True if nothing is left to do."""
        for _ in range(self._job.pages):
            if len(self._progress.failed) >= _MOST_FAILED:
                return True
            page = await self._look_up()
            if page.medias:
                await self._move_page(page.medias)
            elif self._after is None and not page.waiting:
                return True
            else:
                await self._next_round(page)
        return False

    async def _look_up(self) -> NextMedias:
        page: NextMedias = await workflow.execute_activity_method(
            MoveActivities.next_to_move,
            NextInput(
                target=self._job.target,
                source=self._job.source,
                after=self._after,
                without=[each.media_id for each in self._progress.failed],
                limit=self._job.page,
            ),
            summary=f"{self._progress.left} left",
            **routes.catalog(),
        )
        self._progress.left, self._progress.waiting = page.left, page.waiting
        workflow.set_current_details(_details(self._progress))
        return page

    async def _next_round(self, page: NextMedias) -> None:
        if page.waiting or self._held_up:
            await workflow.sleep(self._job.round_s, summary="for what is being uploaded or processed")
        self._after, self._held_up = None, False

    async def _move_page(self, medias: list[Candidate]) -> None:
        moved = [media for media in await gather_or_cancel(*(self._move(media) for media in medias)) if media]
        self._after = medias[-1].media_id
        self._clearing.append(asyncio.create_task(self._clear_later(moved)))
        workflow.set_current_details(_details(self._progress))

    async def _move(self, media: Candidate) -> Candidate | None:
        """Move one media; return it if its old objects must be removed."""
        async with self._slots:
            if media.objects:
                self._touched[media] = None
            result = await self._attempt(media)
        state = self._progress
        if result.outcome == Outcome.MOVED:
            state.moved += 1
            state.objects += result.objects
            state.bytes += result.bytes
        elif result.outcome == Outcome.FAILED:
            state.failed.append(FailedMove(media_id=media.media_id, message=result.message))
        if result.outcome == Outcome.BUSY:
            self._held_up = True
        else:
            state.left = max(0, state.left - 1)
        if not media.objects:
            return None
        if result.outcome == Outcome.MOVED:
            return media
        # Not needed in the new place, nor in the old one, if it was deleted meanwhile: `clear` knows where it lies.
        await self._clear(media, self._job.target)
        await self._clear(media, media.storage)
        del self._touched[media]
        return None

    async def _attempt(self, media: Candidate) -> Moved:
        try:
            return await workflow.execute_activity_method(
                MoveActivities.move,
                MoveInput(media_id=media.media_id, source=media.storage, target=self._job.target),
                summary=f"{media.media_id} from {media.storage}",
                priority=routes.LAST,
                # So that nothing is written any more when a cancelled move cleans up.
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                **routes.io(_LONGEST),
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return Moved(outcome=Outcome.FAILED, message=reason_of(error).message)

    async def _clear_later(self, medias: list[Candidate]) -> None:
        """Remove the old objects once no player reads them: the API caches places, and requests take time."""
        if medias:
            await workflow.sleep(self._job.linger_s, summary="for players that read the old objects")
        for media in medias:
            await self._clear(media, media.storage)
            del self._touched[media]

    async def _clear(self, media: Candidate, storage: str) -> None:
        try:
            await workflow.execute_activity_method(
                MoveActivities.clear,
                ClearInput(media_id=media.media_id, storage=storage),
                summary=f"{media.media_id} in {storage}",
                priority=routes.LAST,
                **routes.io(timedelta(hours=1)),
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            message = f"In {storage} objects remain: {reason_of(error).message}"
            self._progress.remains.append(FailedMove(media_id=media.media_id, message=message))

    async def _clean_up(self) -> None:
        """Leave each media that was being moved in one backend only: the one that the catalog names."""
        await stop(self._clearing)
        if self._touched:
            await workflow.sleep(self._job.linger_s, summary="for players that read the old objects")
        for media in list(self._touched):
            await self._clear(media, self._job.target)
            await self._clear(media, media.storage)


def _details(progress: MoveProgress) -> str:
    """Markdown for Temporal's web UI."""
    lines = [
        f"**{progress.moved} medias moved to {progress.target}**, {progress.left} left, {len(progress.failed)} failed",
        "",
        f"- {progress.objects:,} objects, {progress.bytes:,} bytes",
        f"- {progress.waiting} wait until they are uploaded or processed",
    ]
    lines += [f"- {each.media_id}: {each.message}" for each in progress.failed[:50]]
    return "\n".join(lines)
