"""ImportMedia: fetch the file of a media from a URL."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from gilfoyle.temporal import routes
from gilfoyle.temporal.failures import reason_of

with workflow.unsafe.imports_passed_through():
    from gilfoyle.activities.fetch import FetchActivities, FetchInput, GiveUpInput
    from gilfoyle.temporal.messages import ImportMediaInput


@workflow.defn
class ImportMedia:
    """fetch; pause, and fetch again, until the catalog says that the import has ended.

    What the file is made into is promised in the same transaction in which it is accepted, and begun as any upload's.
    """

    @workflow.run
    async def run(self, job: ImportMediaInput) -> None:
        while (pause_s := await self._fetch(job)) is not None:
            await workflow.sleep(pause_s, summary="before the server is asked again")
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(job)

    async def _fetch(self, job: ImportMediaInput) -> float | None:
        try:
            fetched = await workflow.execute_activity_method(
                FetchActivities.fetch,
                FetchInput(media_id=job.media_id, import_id=job.import_id),
                summary="the file",
                **routes.importing(timedelta(seconds=job.longest_s)),
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            fault = reason_of(error)
            await workflow.execute_activity_method(
                FetchActivities.give_up_import,
                GiveUpInput(media_id=job.media_id, import_id=job.import_id, code=fault.code, message=fault.message),
                summary=fault.code,
                **routes.importing(),
            )
            return None
        pause_s: float | None = fetched.again_in_s
        return pause_s
