"""`gilfoyle list`."""

from __future__ import annotations

from enum import StrEnum
from itertools import islice
from typing import Annotated

import typer

from gilfoyle.cli.options import DEFAULT_URL, ApiKeyOption, JsonOption, UrlOption

_PAGE = 100


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
    api_key: ApiKeyOption = "",
) -> None:
    """List the medias, the newest first."""
    from gilfoyle.cli import text
    from gilfoyle.client import Gilfoyle

    with Gilfoyle(url, api_key) as client:
        wanted = {"status": status} if status else {}
        found = client.medias.all(limit=min(limit + 1, _PAGE), **wanted)
        medias = [text.given(media) for media in islice(found, limit + 1)]
    more, medias = len(medias) > limit, medias[:limit]
    if json:
        typer.echo(text.as_json(medias))
        return
    for line in text.table(medias):
        typer.echo(line)
    if more:
        typer.echo(f"There are more than {len(medias)}; --limit shows them.", err=True)
