"""`gilfoyle worker`: a worker alone, for a cluster."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from gilfoyle.cli.options import ConfigOption


class Queue(StrEnum):
    """The task queues, each scaled on its own."""

    PIPELINE = "pipeline"
    IO = "io"
    TRANSCODE = "transcode"
    TRANSCODE_NVENC = "transcode-nvenc"
    TRANSCODE_QSV = "transcode-qsv"
    TRANSCODE_VAAPI = "transcode-vaapi"
    TRANSCODE_OPENH264 = "transcode-openh264"


def command(
    queue: Annotated[
        list[Queue] | None,
        typer.Option(
            "--queue", help="Task queue to work on; give it again for more.", show_default="all that are needed"
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Work on task queues, on your own PostgreSQL, Temporal and storage. For a cluster."""
    from gilfoyle.config import load

    settings = load(config)
    from gilfoyle.workers import run

    run(settings, list(dict.fromkeys(str(each) for each in queue or ())))
