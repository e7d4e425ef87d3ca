"""DeleteMedia: stop what runs, remove every object, forget the rows. Durable, so a deletion always completes."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from gilfoyle.temporal import routes

with workflow.unsafe.imports_passed_through():
    from gilfoyle.activities.cleanup import CleanupActivities, DiscardInput, MediaInput, StopInput
    from gilfoyle.temporal.messages import (
        DeleteMediaInput,
        process_media_id,
        publish_media_id,
        retry_media_id,
        verify_media_id,
    )

# The ids of what may run for an encoding.
_WORKS_ON_IT = (process_media_id, retry_media_id, verify_media_id)


@workflow.defn
class DeleteMedia:
    """hide → stop → discard → forget."""

    @workflow.run
    async def run(self, job: DeleteMediaInput) -> None:
        """Each step may be repeated. Their order ensures that nothing is written after it was removed."""
        encodings = await workflow.execute_activity_method(
            CleanupActivities.hide, MediaInput(media_id=job.media_id), summary="from clients", **routes.io()
        )
        await workflow.execute_activity_method(
            CleanupActivities.stop,
            StopInput(
                workflow_ids=[
                    *(name(job.media_id, n + 1) for n in range(encodings) for name in _WORKS_ON_IT),
                    publish_media_id(job.media_id),
                ]
            ),
            summary="running work",
            **routes.io(timedelta(hours=1)),
        )
        await workflow.execute_activity_method(
            CleanupActivities.discard, DiscardInput(media_id=job.media_id), summary="every object", **routes.io()
        )
        await workflow.execute_activity_method(
            CleanupActivities.forget, MediaInput(media_id=job.media_id), summary="the rows", **routes.io()
        )
