"""DeliverWebhook: send what waits for one webhook."""

from __future__ import annotations

from temporalio import workflow

from gilfoyle.temporal import routes

with workflow.unsafe.imports_passed_through():
    from gilfoyle.activities.webhooks import SendInput, WebhookActivities
    from gilfoyle.temporal.messages import DELIVER_SIGNAL, DeliverWebhookInput


@workflow.defn
class DeliverWebhook:
    """send what is due; repeat until nothing is.

    One of these per webhook, so that no receiver waits for another. It ends when nothing is due: the catalog says when
    something is again, and so begins the next one, also after Temporal has lost all it knew.
    """

    def __init__(self) -> None:
        self._told = False

    @workflow.run
    async def run(self, job: DeliverWebhookInput) -> None:
        while True:
            self._told = False
            sent = await workflow.execute_activity_method(
                WebhookActivities.send_due,
                SendInput(webhook_id=job.webhook_id),
                summary="what is due",
                **routes.webhook(),
            )
            if not sent.more and not self._told:
                return
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(job)

    @workflow.signal(name=DELIVER_SIGNAL)
    def events_wait(self) -> None:
        """There is more to send; the workflow may have looked just before."""
        self._told = True
