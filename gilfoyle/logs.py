"""What every process of Gilfoyle's writes to stderr: one line for each event, none for each request.

A line names what it is about: the media, the workflow, the request. So `grep` by the id of a media tells its story,
through all processes. Written for people on a terminal, as JSON for everything else: an object a line.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being answered; empty: none is."""
_ABOUT: ContextVar[dict[str, str]] = ContextVar("about", default={})  # noqa: B039 (it is never changed, only replaced)
# What a line may be about, and what people are told that it is.
_IDS = {"media_id": "media", "workflow_id": "workflow", "activity": "activity", "request_id": "request"}
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s%(about)s"
# What tells of each request, each migration; what complains of what clients or ffmpeg did, of which they are told.
_QUIETER = {
    "alembic": logging.WARNING,
    "httpx": logging.WARNING,
    "httpx2": logging.WARNING,  # and URLs of webhooks and of files may hold secrets
    "python_multipart": logging.ERROR,
    "opentelemetry.exporter": logging.ERROR,  # each try, before it says that the spans are lost
    # `temporal.translate` says in a line why an activity failed; the SDK would add the whole traceback, every time.
    "temporalio.activity": logging.ERROR,
    "temporalio.workflow": logging.ERROR,
}


def set_up(form: Literal["auto", "text", "json"] = "auto") -> None:
    """To be called once, by whoever is the process. `auto`: text on a terminal, else JSON."""
    logging.basicConfig(level=logging.INFO, format=_FORMAT)
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    for handler in logging.getLogger().handlers:
        handler.addFilter(_with_ids)
        if as_json:
            handler.setFormatter(_AsJson())
    logging.getLogger("uvicorn.error").addFilter(_worth_telling)
    for name, level in _QUIETER.items():
        logging.getLogger(name).setLevel(level)


@contextmanager
def about(**ids: str) -> Iterator[None]:
    """What the lines of the block are about: `media_id`, `workflow_id`, `activity`."""
    token = _ABOUT.set({**_ABOUT.get(), **{name: value for name, value in ids.items() if value}})
    try:
        yield
    finally:
        _ABOUT.reset(token)


def _with_ids(record: logging.LogRecord) -> bool:
    """Add what the line is about: `ids`, and for people what its message does not say by itself."""
    known = {**_ABOUT.get(), "request_id": REQUEST_ID.get()}
    ids = {name: told for name in _IDS if (told := getattr(record, name, "") or known.get(name, ""))}
    message = record.getMessage()
    missing = [f"{_IDS[name]} {told}" for name, told in ids.items() if told not in message]
    record.ids = ids
    record.about = f" ({', '.join(missing)})" if missing else ""
    return True


class _AsJson(logging.Formatter):
    """An object a line: when (RFC 3339, UTC), how bad, whose, what, and what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "ids", {}),
            **getattr(record, "figures", {}),
        }
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False, default=str)


def _worth_telling(record: logging.LogRecord) -> bool:
    """Not the traceback of each stream that the end of the server cuts."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))
