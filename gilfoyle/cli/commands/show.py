"""`gilfoyle show`."""

from __future__ import annotations

from typing import Annotated

import typer

from gilfoyle.cli.options import DEFAULT_URL, ApiKeyOption, JsonOption, UrlOption


def command(
    media_id: Annotated[str, typer.Argument(metavar="ID", help="The media, by its id.")],
    json: JsonOption = False,
    url: UrlOption = DEFAULT_URL,
    api_key: ApiKeyOption = "",
) -> None:
    """Show one media: its status, its renditions, and where to play it."""
    from gilfoyle.cli import text
    from gilfoyle.client import Gilfoyle

    with Gilfoyle(url, api_key) as client:
        media = text.given(client.medias.get(media_id))
        if json:
            typer.echo(text.as_json(media))
            return
        for line in text.details(media):
            typer.echo(line)
