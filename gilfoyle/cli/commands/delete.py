"""`gilfoyle delete`."""

from __future__ import annotations

from typing import Annotated

import typer

from gilfoyle.cli.options import DEFAULT_URL, ApiKeyOption, UrlOption
from gilfoyle.errors import Conflict, InvalidRequest, NotFound


def command(
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="The medias, by their ids.")],
    url: UrlOption = DEFAULT_URL,
    api_key: ApiKeyOption = "",
) -> None:
    """Delete medias: what runs is cancelled, and every file and row of them is removed."""
    from gilfoyle.client import Gilfoyle

    failed = False
    with Gilfoyle(url, api_key) as client:
        for media_id in dict.fromkeys(ids):
            try:
                client.medias.delete(media_id)
            except (NotFound, InvalidRequest, Conflict) as error:
                typer.echo(f"{media_id}: {error.message}", err=True)
                failed = True
            else:
                typer.echo(f"Deleted {media_id}.")
    raise typer.Exit(int(failed))
