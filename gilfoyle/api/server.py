"""Running an application as a process, with uvicorn."""

from __future__ import annotations

import ctypes
import resource
import signal
import socket
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
        proxy_headers=False,  # api/addresses.py reads them
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )


class Server(uvicorn.Server):
    """uvicorn's, which ends the streams of events before it waits for what is being answered."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        services = getattr(getattr(self.config.app, "state", None), "services", None)
        if services is not None:
            services.feed.close()
        await super().shutdown(sockets)


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
    server = Server(configure(app, settings))
    # uvicorn raises the signal that stopped it once more when it is done: that was an order, not a crash.
    signal.signal(signal.SIGTERM, lambda *_: None)
    server.run()
    if not server.started:
        raise StartupError("The API could not start; the lines above say why.")
