"""`gilfoyle upload`: send files, and follow them until they can be played."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gilfoyle.cli.options import DEFAULT_URL, ApiKeyOption, UrlOption
from gilfoyle.errors import GilfoyleError, Unavailable


def command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="The video or audio files.")],
    title: Annotated[
        str | None, typer.Option("--title", help="The media's title.", show_default="the file's name")
    ] = None,
    audio: Annotated[bool, typer.Option("--audio", help="Take its audio only.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return as soon as the file is sent.")] = False,
    url: UrlOption = DEFAULT_URL,
    api_key: ApiKeyOption = "",
) -> None:
    """Upload files and follow them until they are ready. Prints the URL to play (with --detach: the id)."""
    from rich.console import Console

    from gilfoyle.cli import transfer
    from gilfoyle.cli.follow import follow
    from gilfoyle.client import Gilfoyle

    if title is not None and len(files) > 1:
        raise typer.BadParameter("it names one media, and there are several files.", param_hint="--title")
    sources = [transfer.examine(file, "audio" if audio else None) for file in files]
    console = Console(stderr=True)
    failed = False
    with Gilfoyle(url, api_key) as client:
        for source in sources:
            try:
                media = transfer.send(client, source, title or source.path.stem, console)
                typer.echo(media["id"] if detach else follow(client, media, source.path.name, console))
            except Unavailable:
                raise  # the next file would fare no better
            except GilfoyleError as error:
                typer.echo(f"{source.path}: {error.message}", err=True)
                failed = True
    raise typer.Exit(int(failed))
