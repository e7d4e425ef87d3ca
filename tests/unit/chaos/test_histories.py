"""What a workflow's history tells about its passes."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

from temporalio.client import WorkflowHistory

from chaos.histories import repeated

FILE = Path(__file__).parents[2] / "integration" / "workflows" / "histories" / "process-ready.json"


def test_a_pass_that_is_scheduled_again_when_it_was_completed_is_found() -> None:
    history = WorkflowHistory.from_json("process-ready", FILE.read_text())
    assert repeated(history) == ([], [])
    events = list(history.events)
    scheduled = [e for e in events if e.activity_task_scheduled_event_attributes.activity_type.name == "encode_audio"]
    again = deepcopy(scheduled[0])
    again.event_id = events[-1].event_id + 1
    assert len(repeated(WorkflowHistory(history.workflow_id, [*events, again])).for_nothing) == 1
    # Before the first had ended it is no repetition.
    at = events.index(scheduled[0])
    assert repeated(WorkflowHistory(history.workflow_id, [*events[: at + 1], again, *events[at + 1 :]])) == ([], [])


def test_a_pass_that_is_scheduled_again_for_what_the_storage_lost_is_told_apart() -> None:
    history = WorkflowHistory.from_json("process-ready", FILE.read_text())
    events = deepcopy(list(history.events))
    scheduled = [e for e in events if e.activity_task_scheduled_event_attributes.activity_type.name == "encode_audio"]
    rendition = json.loads(scheduled[0].user_metadata.summary.data).partition(":")[0]
    last = [e.event_id for e in events if e.activity_task_scheduled_event_attributes.activity_type.name == "package"][
        -1
    ]
    for event in events:
        completed = event.activity_task_completed_event_attributes
        if completed.scheduled_event_id == last:
            told = json.loads(completed.result.payloads[0].data)
            completed.result.payloads[0].data = json.dumps(told | {"lost": [rendition]}).encode()
    again = deepcopy(scheduled[0])
    again.event_id = events[-1].event_id + 1
    found = repeated(WorkflowHistory(history.workflow_id, [*events, again]))
    assert (len(found.for_nothing), len(found.for_loss)) == (0, 1)
