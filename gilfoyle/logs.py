"""What every process of Gilfoyle's writes to stderr: one line for each event, none for each request."""

from __future__ import annotations

import asyncio
import logging

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# What tells of each request, each migration; what complains of what clients or ffmpeg did, of which they are told.
_QUIETER = {
    "alembic": logging.WARNING,
    "httpx": logging.WARNING,
    "python_multipart": logging.ERROR,
    # `temporal.translate` says in a line why an activity failed; the SDK would add the whole traceback, every time.
    "temporalio.activity": logging.ERROR,
    "temporalio.workflow": logging.ERROR,
}


def set_up() -> None:
    """To be called once, by whoever is the process."""
    logging.basicConfig(level=logging.INFO, format=_FORMAT)
    logging.getLogger("uvicorn.error").addFilter(_worth_telling)
    for name, level in _QUIETER.items():
        logging.getLogger(name).setLevel(level)


def _worth_telling(record: logging.LogRecord) -> bool:
    """Not the traceback of each stream that the end of the server cuts."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))
