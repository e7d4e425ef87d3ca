"""PublishMedia: write the playlists of a Ready media again after its tracks were changed."""

from __future__ import annotations

from temporalio import workflow

from gilfoyle.temporal import routes

with workflow.unsafe.imports_passed_through():
    from gilfoyle.activities.package import PackageActivities, PackageInput
    from gilfoyle.activities.publish import (
        ChangedMedia,
        ChangedMediaInput,
        ClearTextsInput,
        PublishActivities,
        PublishedInput,
    )
    from gilfoyle.activities.retrying import ReleaseInput, RetryActivities
    from gilfoyle.temporal.messages import PUBLISH_SIGNAL, PublishMediaInput


@workflow.defn
class PublishMedia:
    """find changes → publish → release the old CID → settle; repeat until nothing has changed."""

    def __init__(self) -> None:
        self._told = False

    @workflow.run
    async def run(self, job: PublishMediaInput) -> None:
        """Publish all changes. No segment is touched, and the media stays playable."""
        while True:
            self._told = False
            changed = await workflow.execute_activity_method(
                PublishActivities.changed_media,
                ChangedMediaInput(media_id=job.media_id),
                summary="what has changed",
                **routes.catalog(),
            )
            if changed.package:
                await self._publish(changed, changed.package)
            elif not self._told:
                return

    @workflow.signal(name=PUBLISH_SIGNAL)
    def tracks_changed(self) -> None:
        """There is more to publish; the workflow may have looked just before."""
        self._told = True

    async def _publish(self, changed: ChangedMedia, job: PackageInput) -> None:
        packaged = await workflow.execute_activity_method(
            PackageActivities.package,
            job,
            summary="with the tracks of now",
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            priority=routes.PUBLISHING,
            **routes.io(),
        )
        await workflow.execute_activity_method(
            PublishActivities.clear_texts,
            ClearTextsInput(media_id=job.media_id, encoding=job.encoding, storage=job.storage),
            summary="texts that were taken out",
            **routes.io(),
        )
        if changed.cid and packaged.cid and changed.cid != packaged.cid:
            # Before the catalog has the new one: so a deletion that comes between finds all that is pinned.
            await workflow.execute_activity_method(
                RetryActivities.release,
                ReleaseInput(media_id=job.media_id, storage=job.storage, cid=changed.cid),
                summary=changed.cid,
                **routes.io(),
            )
        await workflow.execute_activity_method(
            PublishActivities.published,
            PublishedInput(media_id=job.media_id, encoding=job.encoding, changes=packaged.changes, cid=packaged.cid),
            summary=f"{packaged.changes} changes",
            **routes.catalog(),
        )
