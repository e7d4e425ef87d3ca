"""What Temporal's history of a workflow tells: which activity waited for how long, and ran for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from bench.server import Server
from gilfoyle.temporal.connect import connect
from gilfoyle.temporal.messages import process_media_id

TRANSCODE = ("encode_video", "encode_audio")
"""The activities that need a slot of a transcode worker."""


@dataclass(frozen=True)
class Span:
    """One activity that has ended. Seconds since the workflow was started."""

    name: str
    summary: str
    scheduled: float
    started: float
    ended: float

    @property
    def waited_s(self) -> float:
        """For a slot of a worker."""
        return self.started - self.scheduled

    @property
    def ran_s(self) -> float:
        return self.ended - self.started


@dataclass(frozen=True)
class Run:
    """One run of a workflow; where its history grew long, it went on in the next. Bytes are as Temporal counts them."""

    events: Sequence[HistoryEvent]
    bytes: int

    @property
    def largest_event_bytes(self) -> int:
        """Of the event that has the largest payload."""
        return max(event.ByteSize() for event in self.events)

    @property
    def longest_task_s(self) -> float:
        """The longest that a worker took to go on with the workflow."""
        began = {each.event_id: each for each in self.events if each.HasField("workflow_task_started_event_attributes")}
        ended = (each for each in self.events if each.HasField("workflow_task_completed_event_attributes"))
        return max(
            (
                _seconds(each) - _seconds(began[each.workflow_task_completed_event_attributes.started_event_id])
                for each in ended
            ),
            default=0.0,
        )

    @property
    def failed_tasks(self) -> int:
        """How often a worker failed to go on with it, or took too long."""
        kinds = ("workflow_task_failed_event_attributes", "workflow_task_timed_out_event_attributes")
        return sum(event.WhichOneof("attributes") in kinds for event in self.events)


async def runs_of(server: Server, media_id: str) -> list[Run]:
    """Those of a media's workflow, in their order, once it has ended: it is waited for.

    Raises WorkflowFailureError if it failed.
    """
    client = await connect(server.settings.temporal)
    workflow_id = process_media_id(UUID(media_id), 1)
    await client.get_workflow_handle(workflow_id).result()
    return await _runs(client, workflow_id)


async def _runs(client: Client, workflow_id: str) -> list[Run]:
    found: list[Run] = []
    run_id: str | None = None
    while run_id is None or run_id:
        handle = client.get_workflow_handle(workflow_id, run_id=run_id)
        info = (await handle.describe()).raw_description.workflow_execution_info
        found.insert(0, Run((await handle.fetch_history()).events, info.history_size_bytes))
        run_id = found[0].events[0].workflow_execution_started_event_attributes.continued_execution_run_id
    return found


async def spans(server: Server, media_ids: Sequence[str], since: float | None = None) -> list[list[Span]]:
    """Of each media's workflow, the activities that have ended so far, in the order of their end.

    `since`: the moment from which times count, in seconds of the Unix epoch, instead of each workflow's start.
    """
    client = await connect(server.settings.temporal)
    return [read_runs(await _runs(client, process_media_id(UUID(media_id), 1)), since) for media_id in media_ids]


def spans_of(server: Server, media_id: str) -> list[Span]:
    """Those of one media, since the start of its workflow."""
    (found,) = asyncio.run(spans(server, [media_id]))
    return found


def read_runs(runs: Sequence[Run], since: float | None = None) -> list[Span]:
    """The spans of all runs of a workflow, see `spans`. Pure."""
    began = _seconds(runs[0].events[0]) if since is None else since
    return [span for run in runs for span in read(run.events, began)]


def read(events: Sequence[HistoryEvent], since: float | None = None) -> list[Span]:
    """The spans that one run's history holds, see `spans`. Pure."""
    began = _seconds(events[0]) if since is None else since
    scheduled, started, found = {}, {}, []
    for event in events:
        kind = event.WhichOneof("attributes")
        if kind == "activity_task_scheduled_event_attributes":
            scheduled[event.event_id] = event
        elif kind == "activity_task_started_event_attributes":
            started[event.event_id] = event
        elif kind == "activity_task_completed_event_attributes":
            end = event.activity_task_completed_event_attributes
            first = scheduled[end.scheduled_event_id]
            found.append(
                Span(
                    name=first.activity_task_scheduled_event_attributes.activity_type.name,
                    summary=first.user_metadata.summary.data.decode(errors="replace").strip('"'),
                    scheduled=round(_seconds(first) - began, 3),
                    started=round(_seconds(started[end.started_event_id]) - began, 3),
                    ended=round(_seconds(event) - began, 3),
                )
            )
    return found


def _seconds(event: HistoryEvent) -> float:
    return float(event.event_time.seconds) + event.event_time.nanos / 1e9
