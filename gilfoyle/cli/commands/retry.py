"""`gilfoyle retry`."""

from __future__ import annotations

from typing import Annotated

import typer

from gilfoyle.cli.options import DEFAULT_URL, ApiKeyOption, UrlOption


def command(
    media_id: Annotated[str, typer.Argument(metavar="ID", help="The media, by its id.")],
    rendition: Annotated[
        str | None,
        typer.Argument(metavar="RENDITION", help="The one that is Errored, such as 720p.", show_default="the media"),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return as soon as it is accepted.")] = False,
    url: UrlOption = DEFAULT_URL,
    api_key: ApiKeyOption = "",
) -> None:
    """Encode again what could not be encoded, and follow it until it is ready: a media, or one rendition of it."""
    from rich.console import Console

    from gilfoyle.cli.follow import follow, follow_rendition
    from gilfoyle.cli.text import given
    from gilfoyle.client import Gilfoyle

    with Gilfoyle(url, api_key) as client:
        media = given(client.medias.retry(media_id, rendition or ""))
        if detach:
            return
        console = Console(stderr=True)
        if rendition is None:
            typer.echo(follow(client, media, media["title"], console))
        else:
            follow_rendition(client, media, rendition, console)
            typer.echo(f"{rendition} is Ready.")
