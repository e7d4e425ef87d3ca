"""Lines of the log say what they are about, for people and for programs, and none tells where a webhook goes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

_LOGGING = """
import logging, sys
from gilfoyle import logs
logs.set_up(sys.argv[1])
log = logging.getLogger("gilfoyle.some")
log.info("before")
logging.getLogger("httpx2").info("HTTP Request: POST https://example.org/hook?token=secret")
logs.REQUEST_ID.set("abc")
with logs.about(media_id="m-1", workflow_id="media-m-1-1"):
    log.warning("of %s", "m-1")
try:
    raise ValueError("it broke")
except ValueError:
    log.exception("within", extra={"media_id": "m-2", "figures": {"elapsed_s": 1.5}})
"""


def logged(form: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", _LOGGING, form], capture_output=True, text=True, check=True)
    return done.stderr.splitlines()


def test_for_people_a_line_names_what_its_message_does_not() -> None:
    before, of, within, *_, error = logged("text")
    assert before.endswith("INFO gilfoyle.some: before")
    # The id of a workflow holds that of its media.
    assert of.endswith("WARNING gilfoyle.some: of m-1 (workflow media-m-1-1, request abc)")
    assert within.endswith("ERROR gilfoyle.some: within (media m-2, request abc)")
    assert error == "ValueError: it broke"


@pytest.mark.parametrize("form", ["json", "auto"])
def test_for_programs_a_line_is_an_object(form: str) -> None:
    """`auto`: no person reads what goes into a pipe or a file."""
    before, of, within = (_object(line) for line in logged(form))
    assert before == {"level": "info", "logger": "gilfoyle.some", "message": "before"}
    assert of == {
        "level": "warning",
        "logger": "gilfoyle.some",
        "message": "of m-1",
        "media_id": "m-1",
        "workflow_id": "media-m-1-1",
        "request_id": "abc",
    }
    assert within.pop("error").endswith("ValueError: it broke")
    assert within == {
        "level": "error",
        "logger": "gilfoyle.some",
        "message": "within",
        "media_id": "m-2",
        "request_id": "abc",
        "elapsed_s": 1.5,
    }


def _object(line: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(line)
    assert told.pop("time").endswith("+00:00")
    return told
