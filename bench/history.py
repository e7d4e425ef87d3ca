"""What Temporal's history of a workflow tells: which activity waited for how long, and ran for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from temporalio.api.history.v1 import HistoryEvent

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
class Size:
    """What Temporal bounds: the number of events of a history, and their bytes."""

    events: int
    bytes: int


async def size_of(server: Server, media_id: str) -> Size:
    """Of a media's workflow, once that has ended: it is waited for. Raises WorkflowFailureError if it failed."""
    client = await connect(server.settings.temporal)
    handle = client.get_workflow_handle(process_media_id(UUID(media_id), 1))
    await handle.result()
    info = (await handle.describe()).raw_description.workflow_execution_info
    return Size(info.history_length, info.history_size_bytes)


async def spans(server: Server, media_ids: Sequence[str], since: float | None = None) -> list[list[Span]]:
    """Of each media's workflow, the activities that have ended so far, in the order of their end.

    `since`: the moment from which times count, in seconds of the Unix epoch, instead of each workflow's start.
    """
    client = await connect(server.settings.temporal)
    handles = [client.get_workflow_handle(process_media_id(UUID(media_id), 1)) for media_id in media_ids]
    return [read((await handle.fetch_history()).events, since) for handle in handles]


def spans_of(server: Server, media_id: str) -> list[Span]:
    """Those of one media, since the start of its workflow."""
    (found,) = asyncio.run(spans(server, [media_id]))
    return found


def read(events: Sequence[HistoryEvent], since: float | None = None) -> list[Span]:
    """The spans that a history holds, see `spans`. Pure."""
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
