"""`gilfoyle list`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from gilfoyle.cli.options import DEFAULT_URL, JsonOption, UrlOption


class Status(StrEnum):
    """A media's status, as the API spells it."""

    AWAITING_UPLOAD = "AwaitingUpload"
    PROCESSING = "Processing"
    READY = "Ready"
    ERRORED = "Errored"


def command(
    status: Annotated[
        Status | None,
        typer.Option(
            "--status", metavar="STATUS", case_sensitive=False, help=f"Only those that are {', '.join(Status)}."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most, the newest first.")] = 50,
    json: JsonOption = False,
    url: UrlOption = DEFAULT_URL,
) -> None:
    """List the medias, the newest first."""
    from gilfoyle.cli import text
    from gilfoyle.cli.client import Client

    with Client(url) as client:
        medias, total = client.medias(limit, status)
    if json:
        typer.echo(text.as_json(medias))
        return
    for line in text.table(medias):
        typer.echo(line)
    if total > len(medias):
        typer.echo(f"{len(medias)} of {total}; --limit shows more.", err=True)
