"""`gilfoyle replace`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gilfoyle.cli.options import DEFAULT_URL, ApiKeyOption, UrlOption


def command(
    media_id: Annotated[str, typer.Argument(metavar="ID", help="The media, by its id.")],
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Another file.", show_default="encode the one it has anew"),
    ] = None,
    audio: Annotated[bool, typer.Option("--audio", help="Take the sound of the file alone.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return as soon as it is accepted.")] = False,
    url: UrlOption = DEFAULT_URL,
    api_key: ApiKeyOption = "",
) -> None:
    """Make the next version of a media that is Ready, while the one of now plays; follow it until it is ready.

    Of another file, or of the one that the media has, by the server's settings of now.
    """
    from rich.console import Console

    from gilfoyle.cli import transfer
    from gilfoyle.cli.follow import follow_replacement
    from gilfoyle.cli.text import given
    from gilfoyle.client import Gilfoyle

    source = transfer.examine(file, "audio" if audio else None) if file else None
    console = Console(stderr=True)
    with Gilfoyle(url, api_key) as client:
        if source:
            media = transfer.replace(client, media_id, source, console)
        else:
            media = given(client.medias.encode_again(media_id))
        if not detach:
            typer.echo(follow_replacement(client, media, console))
