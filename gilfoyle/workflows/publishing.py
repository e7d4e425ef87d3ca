"""Publishing what is stored: the playlists, and the progress in the catalog."""

from __future__ import annotations

from collections.abc import Mapping

from temporalio import workflow

from gilfoyle.tasks import raise_if_cancelled
from gilfoyle.temporal import routes
from gilfoyle.temporal.failures import Reason

with workflow.unsafe.imports_passed_through():
    from gilfoyle.activities.catalog import CatalogActivities, ProgressInput
    from gilfoyle.activities.package import PackageActivities, Packaged, PackageInput
    from gilfoyle.catalog import RenditionProgress, RenditionStatus
    from gilfoyle.media.info import MediaInfo
    from gilfoyle.media.plan import Plan
    from gilfoyle.temporal.messages import ProcessMediaInput


# A publish goes through all segments. One that takes longer (s) is followed by a rest so many times as long.
_LONG_S = 1.0
_REST = 3


async def publish(
    job: ProcessMediaInput,
    info: MediaInfo,
    plan: Plan,
    failed: Mapping[str, Reason],
    *,
    final: bool,
    report_only: bool = False,
    held_back: Mapping[str, int] | None = None,
) -> Packaged:
    """Write playlists of what is stored, and update the catalog. PackageInput explains the two options.

    `held_back`: see `catalog.encodings.progress`.
    """
    packaged: Packaged = await workflow.execute_activity_method(
        PackageActivities.package,
        PackageInput(
            media_id=job.media_id,
            encoding=job.encoding,
            storage=job.storage,
            plan=plan,
            failed=sorted(failed),
            final=final,
            report_only=report_only,
        ),
        summary="whole" if final else "as far as it is",
        # So that nothing is written any more when a deletion removes what was.
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        priority=routes.PUBLISHING,
        **routes.io(),
    )
    raise_if_cancelled()
    workflow.set_current_details(_details(packaged, failed))
    await workflow.execute_activity_method(
        CatalogActivities.update_progress,
        ProgressInput(
            media_id=job.media_id,
            encoding=job.encoding,
            renditions=[*packaged.renditions, *(errored(name, fault) for name, fault in failed.items())],
            playable=packaged.playable,
            progress=packaged.progress,
            held_back=None if held_back is None else dict(held_back),
        ),
        summary=f"{packaged.progress:.0%}",
        **routes.catalog(),
    )
    return packaged


def rest_s(took_s: float) -> float:
    """How long to wait before the next publish, in seconds; 0: not at all.

    After a slow publish (very many segments, or much other work) the next one waits.
    """
    return _REST * took_s if took_s > _LONG_S else 0.0


def errored(name: str, fault: Reason) -> RenditionProgress:
    """What the catalog keeps of a failed rendition."""
    return RenditionProgress(
        name=name, status=RenditionStatus.ERRORED, error_code=fault.code, error_message=fault.message
    )


def _details(packaged: Packaged, failed: Mapping[str, Reason]) -> str:
    """Markdown for Temporal's web UI."""
    lines = [f"**{packaged.progress:.0%}**, {'playable' if packaged.playable else 'not playable yet'}", ""]
    lines += [f"- {row.name}: {row.status}, {row.stored_segments} segments" for row in packaged.renditions]
    lines += [f"- {name}: failed, {fault.message}" for name, fault in failed.items()]
    return "\n".join(lines)
