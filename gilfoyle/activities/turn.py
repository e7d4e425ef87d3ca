"""A moment's pause for a workflow, on the pipeline queue."""

from __future__ import annotations

from temporalio import activity


@activity.defn
async def take_turn() -> None:
    """Does nothing: its way through Temporal is the pause, of some 30 ms, where a timer of 100 ms takes a second."""
