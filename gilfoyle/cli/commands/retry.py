"""`gilfoyle retry`."""

from __future__ import annotations

from typing import Annotated

import typer

from gilfoyle.cli.options import DEFAULT_URL, UrlOption


def command(
    media_id: Annotated[str, typer.Argument(metavar="ID", help="The media, by its id.")],
    rendition: Annotated[str, typer.Argument(metavar="RENDITION", help="The one that is Errored, such as 720p.")],
    detach: Annotated[bool, typer.Option("--detach", help="Return as soon as it is accepted.")] = False,
    url: UrlOption = DEFAULT_URL,
) -> None:
    """Encode a rendition again that could not be encoded, and follow it until it is ready. The others stay."""
    from rich.console import Console

    from gilfoyle.cli.client import Client
    from gilfoyle.cli.follow import follow_rendition

    with Client(url) as client:
        media = client.retry(media_id, rendition)
        if not detach:
            follow_rendition(client, media, rendition, Console(stderr=True))
            typer.echo(f"{rendition} is Ready.")
