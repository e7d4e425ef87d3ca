"""An operator in Temporal's web UI, who stops a workflow that runs."""

from __future__ import annotations

from datetime import timedelta

from temporalio.service import RPCError

from chaos import histories
from gilfoyle.config import TemporalSettings
from gilfoyle.errors import Unavailable
from gilfoyle.temporal.connect import connect

WAYS = ("cancelled", "terminated")
_RPC = timedelta(seconds=5)


async def stop(address: str, how: str, pick: float) -> str:
    """The id of the workflow; empty if none runs that encodes a media, or Temporal does not answer.

    `pick` (0 to 1) says which.
    """
    try:
        client = await connect(TemporalSettings(address=address), lazy=True)
        found = [each for each in await histories.running(client) if each.workflow_type == "ProcessMedia"]
        if not found:
            return ""
        chosen = found[int(pick * len(found))]
        handle = client.get_workflow_handle(chosen.id, run_id=chosen.run_id)
        await (handle.cancel(rpc_timeout=_RPC) if how == "cancelled" else handle.terminate("chaos", rpc_timeout=_RPC))
    except (RPCError, RuntimeError, Unavailable):
        return ""
    return chosen.id
