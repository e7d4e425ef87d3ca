"""Running an application as a process, with uvicorn."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import resource
import signal
from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from gilfoyle.api.connection import Connection
from gilfoyle.config import ServerSettings
from gilfoyle.errors import StartupError

GRACE_S = 3
"""How long requests that are being answered may go on after SIGTERM; open streams are cut then (seconds)."""
KEEP_ALIVE_S = 15
MOST_FILES = 1 << 16
LARGE_BYTES = 1 << 20
_M_MMAP_THRESHOLD = -3  # malloc.h
_LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def set_up_logging() -> None:
    """One line per event on stderr; not one per request."""
    logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT)
    logging.getLogger("uvicorn.error").addFilter(_worth_telling)
    for name in ("alembic", "httpx"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of broken bodies: clients are told


def _worth_telling(record: logging.LogRecord) -> bool:
    """Not the traceback of each stream that the end of the server cuts."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def configure(app: FastAPI, settings: ServerSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=Connection,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )


def _allow_files() -> None:
    """As many open files as the system lets this process have: it lets many only whoever asks, for select()'s sake."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft < wanted:
        with suppress(ValueError, OSError):  # macOS has a bound that it doesn't tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _return_memory() -> None:
    """Have glibc give large blocks back to the system: by itself it keeps those of the first uploads, in pieces.

    200 uploads into S3 at once took 150 MiB more without. Elsewhere there is nothing to set.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)


def run(app: FastAPI, settings: ServerSettings) -> None:
    """Answer requests until SIGTERM or Ctrl-C. Raises StartupError if the server can't start."""
    _allow_files()
    _return_memory()
    server = uvicorn.Server(configure(app, settings))
    # uvicorn raises the signal that stopped it once more when it is done: that was an order, not a crash.
    signal.signal(signal.SIGTERM, lambda *_: None)
    server.run()
    if not server.started:
        raise StartupError("The API could not start; the lines above say why.")
