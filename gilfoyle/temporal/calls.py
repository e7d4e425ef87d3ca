"""Calls to Temporal's service: how long they may take, and the error if it does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.service import RPCError, RPCStatusCode

from gilfoyle.errors import Unavailable

RPC_TIMEOUT = timedelta(seconds=5)


@contextmanager
def answered(*, keep_not_found: bool = False) -> Iterator[None]:
    """Raise Unavailable in the place of what the client raises.

    `keep_not_found`: the RPCError of a workflow that Temporal does not know is left as it is.
    """
    try:
        yield
    except (RPCError, RuntimeError) as error:  # RuntimeError: "Failed client connect"
        if keep_not_found and isinstance(error, RPCError) and error.status == RPCStatusCode.NOT_FOUND:
            raise
        raise away() from error


def away() -> Unavailable:
    """The error if Temporal does not answer."""
    return Unavailable("The workflow engine (Temporal) can't be reached; try again.")
