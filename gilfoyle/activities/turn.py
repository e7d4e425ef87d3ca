"""A moment's pause for a workflow, on the pipeline queue."""

from __future__ import annotations

from temporalio import activity


@activity.defn
async def take_turn() -> None:
    """Does nothing: the trip through Temporal is the pause, about 30 ms. A timer of 100 ms takes a second."""
