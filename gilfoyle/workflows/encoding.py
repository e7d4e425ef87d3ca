"""The part of a workflow that encodes: passes in their order, publishing what is stored, renditions tried again."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from gilfoyle.tasks import gather_or_cancel
from gilfoyle.temporal import routes
from gilfoyle.temporal.failures import Reason
from gilfoyle.workflows.pacing import Pacing
from gilfoyle.workflows.passes import Passes
from gilfoyle.workflows.publishing import publish, rest_s

with workflow.unsafe.imports_passed_through():
    from gilfoyle.activities.extract import ExtractActivities, ExtractInput
    from gilfoyle.activities.package import Packaged
    from gilfoyle.activities.retrying import ResumeInput, RetryActivities
    from gilfoyle.activities.unlisted import UnlistedActivities, UnlistedInput
    from gilfoyle.media.info import MediaInfo
    from gilfoyle.media.plan import FIRST_PRIORITY, REST_PRIORITY, Pass, Plan
    from gilfoyle.temporal.messages import EncodingState, ProcessMediaInput

# Enough to ask for each segment of 12 h of a full ladder.
_ALL_ASKED_FOR = timedelta(hours=1)
# Enough to read a source of 100 GiB from a slow storage.
_ALL_READ = timedelta(hours=12)


class Encoding:
    """One encoding of one media, from its plan to its last playlist.

    With `only`, these renditions of a published encoding are encoded again, each alone; the published playlists stay as
    they are until then. `failed`: renditions that are left out. `state`: how far an earlier run came.
    """

    def __init__(
        self,
        job: ProcessMediaInput,
        info: MediaInfo,
        plan: Plan,
        only: Sequence[str] = (),
        failed: Mapping[str, Reason] | None = None,
        state: EncodingState | None = None,
    ) -> None:
        self._job = job
        self._info = info
        self._all = plan.passes
        self._todo = _alone(plan.passes, only) if only else plan.passes
        self._waiting = list(self._todo)
        self._published = bool(only)
        self._plan = plan.model_copy(update={"passes": []})
        self._passes = Passes(job, info, self._plan, self.note_stored, state)
        self._passes.failed.update(failed or {})
        self._reporting = asyncio.Lock()
        self._retrying: set[str] = set()
        self._texts = bool(info.texts) and not only and not (state and state.texts)
        self._swift = state.swift if state else None
        self._stored = False
        self._encoded = False
        self._closed = False
        self._loss: Reason | None = None
        self.cid: str | None = None
        """The CID of the encoding's folder in IPFS, once everything is published."""

    @property
    def state(self) -> EncodingState | None:
        """What the next run of the workflow needs, if this run ends before the encoding does; else None."""
        if not self._passes.draining:
            return None
        known = {"swift": self._swift, "texts": not self._published}
        return self._passes.state(self._info).model_copy(update=known)

    @property
    def failed(self) -> Mapping[str, Reason]:
        """Renditions that can't be encoded, and why."""
        return self._passes.failed

    def note_stored(self) -> None:
        """Something new is in the storage: publish it soon."""
        self._stored = True

    async def run(self) -> None:
        """Encode and publish everything, or as much as one history can hold (see `state`).

        Raises ActivityError if the media as a whole can't go on.
        """
        try:
            if self._texts:
                await gather_or_cancel(self._begin(), self._extract_texts())
            else:
                await self._begin()
            if self.fatal_fault() is None and self.state is None:
                await self._complete()
        except (Exception, asyncio.CancelledError):  # not GeneratorExit: a workflow that is forgotten waits for nothing
            await self._passes.stop()
            raise
        finally:
            self._closed = True

    def check_retry(self, rendition: str) -> None:
        """Raise ApplicationError if no retry is possible now; its type is `ended` if none will be."""
        if self._closed:
            raise ApplicationError("The encoding has just ended.", type="ended")
        if rendition not in self.failed or rendition in self._retrying:
            raise ApplicationError(f"The rendition {rendition} can't be tried again, since it is not Errored.")

    async def retry(self, rendition: str) -> None:
        """Retry a failed rendition, before the encoding ends. Returns as soon as its passes are scheduled."""
        self._retrying.add(rendition)
        try:
            # Else what is being reported would still say that it has failed, after it was told that it waits.
            async with self._reporting:
                await workflow.execute_activity_method(
                    RetryActivities.resume,
                    ResumeInput(media_id=self._job.media_id, encoding=self._job.encoding, rendition=rendition),
                    summary=rendition,
                    **routes.catalog(),
                )
            if not self._closed:
                self._passes.again(rendition)
        finally:
            self._retrying.discard(rendition)

    def fatal_fault(self) -> Reason | None:
        """Why there is nothing to watch or hear: every video rendition failed, or every audio rendition without video.

        Or the storage keeps losing what was stored.
        """
        if self._loss:
            return self._loss
        videos = [rendition.name for rendition in self._plan.video]
        essential = videos or sorted(rendition.name for rendition in self._plan.audio)
        if any(name not in self.failed for name in essential):
            return None
        return self.failed[essential[-1]]

    async def _begin(self) -> None:
        """Run all passes, and publish the playlists as they grow."""
        urgent = [chunk for chunk in self._todo if chunk.priority == FIRST_PRIORITY]
        others = [chunk for chunk in self._todo if chunk.priority != FIRST_PRIORITY]
        pacing = Pacing(self._info, self._plan, self._todo, self._swift)
        tasks = self._passes.start(urgent)
        # Priority orders what has to wait; idle workers take what arrives first. So what makes the media playable
        # is handed out before the rest, and where that is only a segment of each, nothing shares the cores with it.
        if all(chunk.count == 1 for chunk in urgent):
            await asyncio.gather(*tasks)
        self._stored = False
        await self._publish(final=False)
        if self._published:
            self._passes.start(others)
        else:
            self._passes.run(pacing.run)
        await self._grow()
        self._swift = pacing.swift

    async def _extract_texts(self) -> None:
        """Extract texts beside the passes; the next publish lists them."""
        await workflow.execute_activity_method(
            ExtractActivities.extract_texts,
            ExtractInput(
                media_id=self._job.media_id,
                encoding=self._job.encoding,
                upload=self._job.upload,
                storage=self._job.storage,
                info=self._info,
                plan=self._plan,
            ),
            summary=f"{len(self._info.texts)} texts",
            priority=routes.LAST,
            **routes.io(_ALL_READ),
        )
        self.note_stored()

    async def _grow(self) -> None:
        """Publish until all passes have ended, including those of retries."""
        while True:
            self._encoded = False
            await gather_or_cancel(self._publish_as_it_grows(), self._note_end())
            if not self._busy:
                return

    @property
    def _busy(self) -> bool:
        return bool(self._retrying) or self._passes.under_way

    async def _note_end(self) -> None:
        while self._busy:
            await self._passes.ended()
            if self._retrying:
                await workflow.wait_condition(lambda: not self._retrying)
        self._encoded = True

    async def _publish_as_it_grows(self) -> None:
        while True:
            await workflow.wait_condition(lambda: self._stored or self._encoded)
            if self._encoded:
                return
            self._stored = False
            began = workflow.time()
            await self._publish(final=False)
            if pause_s := rest_s(workflow.time() - began):
                with contextlib.suppress(TimeoutError):
                    await workflow.wait_condition(lambda: self._encoded, timeout=pause_s)

    async def _complete(self) -> None:
        """Publish the whole encoding. Segments that the storage has lost (a crash, an operator) are encoded again.

        The first time at once; a storage that loses them again gets time to be repaired first.
        """
        pauses_s = list(self._job.policy.repair_pauses_s)
        while True:
            packaged = await self._publish(final=True)
            if self._busy:  # asked for while that was published
                await self._grow()
            elif not packaged.lost or not pauses_s:
                break
            else:
                pause_s = pauses_s.pop(0)
                sentence = "the storage has lost segments of %s, which are encoded again in %g s"
                workflow.logger.warning(sentence, ", ".join(packaged.lost), pause_s)
                if pause_s:
                    await workflow.sleep(pause_s)
                await self._encode_again(packaged.lost)
            if self._passes.draining:
                return
        self._closed = True
        self.cid = packaged.cid
        if packaged.lost:
            sentence = f"The storage keeps losing segments of {', '.join(packaged.lost)}: run `gilfoyle storage check`."
            self._loss = Reason("storage_failed", "storage_lost", sentence)

    async def _encode_again(self, renditions: list[str]) -> None:
        """Run the renditions' passes once more. A pass skips each segment that it finds: all must be listed, too."""
        await workflow.execute_activity_method(
            UnlistedActivities.clear_unlisted,
            UnlistedInput(
                media_id=self._job.media_id,
                encoding=self._job.encoding,
                storage=self._job.storage,
                plan=self._plan,
                renditions=renditions,
            ),
            summary=", ".join(renditions),
            **routes.io(_ALL_ASKED_FOR),
        )
        self._passes.forget(renditions)
        await gather_or_cancel(
            *self._passes.start([chunk for chunk in self._all if set(chunk.renditions) & set(renditions)])
        )

    async def _publish(self, *, final: bool) -> Packaged:
        async with self._reporting:
            return await publish(
                self._job,
                self._info,
                self._plan,
                self.failed,
                final=final,
                report_only=self._published and not final,
                held_back=None if self._published else self._held_back(),
            )

    def _held_back(self) -> Mapping[str, int]:
        """Passes that are not handed out yet, by their queue: what more workers could have to do."""
        self._waiting = [chunk for chunk in self._waiting if self._passes.is_held_back(chunk)]
        return Counter(routes.queue_of(chunk, self._plan) for chunk in self._waiting)


def _alone(passes: Sequence[Pass], renditions: Sequence[str]) -> list[Pass]:
    """Passes that encode each rendition by itself. None is urgent: no viewer waits for them."""
    return [
        chunk.model_copy(update={"renditions": [name], "priority": REST_PRIORITY, "ahead": False})
        for chunk in passes
        for name in renditions
        if name in chunk.renditions
    ]
