"""VerifyMedia: decode a media's source and renditions side by side, and say whether they agree."""

from __future__ import annotations

from temporalio import workflow

from gilfoyle.temporal import routes

with workflow.unsafe.imports_passed_through():
    from gilfoyle.activities.verify import VerifyActivities
    from gilfoyle.media.agreement.report import Agreement
    from gilfoyle.temporal.messages import VerifyMediaInput


@workflow.defn
class VerifyMedia:
    """Runs one activity and returns its result, which Temporal keeps as long as it keeps ended workflows."""

    @workflow.run
    async def run(self, job: VerifyMediaInput) -> Agreement:
        """Verify. Changes nothing."""
        found: Agreement = await workflow.execute_activity_method(
            VerifyActivities.verify,
            job,
            summary=f"encoding {job.encoding}",
            priority=routes.LAST,
            **routes.verify(job.duration_s, len(job.renditions)),
        )
        workflow.set_current_details(_details(found))
        return found


def _details(found: Agreement) -> str:
    """Markdown for Temporal's web UI."""
    lines = [f"- {each.check} of {each.of}: {each.verdict} {each.detail}".rstrip() for each in found.findings]
    return "\n".join(["It agrees." if found.agrees else "It does not agree.", "", *lines])
