"""`gilfoyle verify`: does a stream agree with the file it was made of?"""

from __future__ import annotations

from typing import Annotated

import typer

from gilfoyle.cli.options import DEFAULT_URL, ApiKeyOption, UrlOption


def command(
    medias: Annotated[
        list[str], typer.Argument(metavar="MEDIA", help="Medias by their ids, or files that were uploaded.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print JSON: a list, with what was found of each.")] = False,
    url: UrlOption = DEFAULT_URL,
    api_key: ApiKeyOption = "",
) -> None:
    """Decode medias and their sources, and say whether they agree. A file stands for the media made of it.

    Exit status 1 if one does not agree, or can't be compared.
    """
    from rich.console import Console

    from gilfoyle.cli import text, verifying
    from gilfoyle.client import Gilfoyle

    notes, out = Console(stderr=True), Console()
    with Gilfoyle(url, api_key) as client:
        found = [verifying.verify(client, each, notes) for each in medias]
    if json:
        typer.echo(text.as_json([each.shown() for each in found]))
    else:
        for each in found:
            verifying.show(each, out)
    raise typer.Exit(int(not all(each.agrees for each in found)))
