"""SweepStorage: remove what no media owns from every backend; scheduled, or by `gilfoyle storage sweep`.

Old events go with it.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from gilfoyle.temporal import routes
from gilfoyle.temporal.failures import reason_of

with workflow.unsafe.imports_passed_through():
    from gilfoyle.activities.events import EventActivities
    from gilfoyle.activities.sweep import SweepActivities, SweepBackendInput
    from gilfoyle.temporal.messages import SweepInput, SweepResult, SweptBackend

# Ten thousand medias' objects may take hours to remove; an attempt that ends early leaves the rest to the next.
_LONGEST = timedelta(hours=12)
_FORGETTING = timedelta(hours=1)


@workflow.defn
class SweepStorage:
    """Sweeps one backend after another; a failing backend does not stop the others."""

    @workflow.run
    async def run(self, job: SweepInput) -> SweepResult:
        """Sweep. A scheduled run fails with a sentence for each backend that was refused or failed."""
        targets = await workflow.execute_activity_method(
            SweepActivities.backends_in_use, summary="which backends", **routes.io()
        )
        result = SweepResult(backends=[await self._sweep(name, job) for name in targets.backends])
        workflow.set_current_details(_details(result))
        if not job.dry_run and workflow.patched("events"):
            await workflow.execute_activity_method(
                EventActivities.forget_events, summary="events", **routes.catalog(_FORGETTING)
            )
        if job.scheduled and result.faults:
            raise ApplicationError("\n".join(result.faults), "sweep_incomplete", type="sweep", non_retryable=True)
        return result

    async def _sweep(self, name: str, job: SweepInput) -> SweptBackend:
        try:
            return await workflow.execute_activity_method(
                SweepActivities.sweep,
                SweepBackendInput(backend=name, older_than_s=job.older_than_s, dry_run=job.dry_run, force=job.force),
                summary=f"{name}, {'look only' if job.dry_run else 'remove'}",
                priority=routes.LAST,
                **routes.io(_LONGEST),
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return SweptBackend(backend=name, fault=reason_of(error).message)


def _details(result: SweepResult) -> str:
    """Markdown for Temporal's web UI."""
    return "\n".join(
        f"- {each.backend}: {each.medias} medias looked at, {each.found + each.unfinished_found} found, "
        f"{each.removed + each.unfinished_removed} removed, {each.bytes_freed:,} bytes freed"
        for each in result.backends
    )
