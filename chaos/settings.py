"""What the parts are told, as environment variables: small renditions, short chunks, quick detection of the dead."""

from __future__ import annotations

import json
import os
from pathlib import Path

ROOT = Path(__file__).parent.parent
"""The checkout, whose code all parts run."""
MARK = "CHAOS_RUN"
"""Names the run in the environment of whatever it starts, ffmpegs too. Not GILFOYLE_…: those are settings."""

_LADDER = [{"height": 180, "max_kbps": 300}, {"height": 90, "max_kbps": 120}]
SLOTS = 1
"""Of each transcode worker, for long passes and for short ones: a kill can hit only so many of each."""


def variables(run: str, *, api_port: int, database_url: str, temporal: str, storage: dict[str, str]) -> dict[str, str]:
    """The environment of every part. `storage` holds the settings below `storage`, as `s3__bucket`."""
    settings = {
        "server__port": str(api_port),
        "database__url": database_url,
        "temporal__address": temporal,
        "workers__transcode_slots": str(SLOTS),
        "workers__first_slots": str(SLOTS),
        "workers__threads": "1",
        "workers__heartbeat_timeout_s": "5",
        "encoding__video": json.dumps(_LADDER),
        "encoding__audio": json.dumps([{"kbps": 64}, {"kbps": 32}]),
        # Slow, so that a kill meets an ffmpeg; segments of 2 s and chunks of 8 s, so that tiny files have several.
        "encoding__preset": "slower",
        "encoding__gop_s": "1",
        "encoding__chunk_s": "8",
        # What the kills leave is swept at the end, by the command that an operator has.
        "storage__sweep__every_s": "0",
        "storage__replaced_keep_s": "2",
        **{f"storage__{name}": value for name, value in storage.items()},
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GILFOYLE_", "AWS_"))}
    return {
        **inherited,
        MARK: run,
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        **{f"GILFOYLE_{name.upper()}": value for name, value in settings.items()},
    }
