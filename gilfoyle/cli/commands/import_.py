"""`gilfoyle import`: have the server fetch a file, and follow it until it can be played."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer

from gilfoyle.cli.options import DEFAULT_URL, ApiKeyOption, UrlOption
from gilfoyle.errors import InvalidRequest


def command(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The URL of the video or audio file.")],
    title: Annotated[
        str | None, typer.Option("--title", help="The media's title.", show_default="the file's name")
    ] = None,
    start: Annotated[
        float | None, typer.Option("--start", min=0, help="Where the part begins that is encoded (seconds).")
    ] = None,
    end: Annotated[float | None, typer.Option("--end", min=0, help="Where it ends (seconds).")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return as soon as it is accepted.")] = False,
    url: UrlOption = DEFAULT_URL,
    api_key: ApiKeyOption = "",
) -> None:
    """Have the server fetch a file, and follow it until it is ready. Prints the URL to play (with --detach: the id)."""
    from rich.console import Console

    from gilfoyle.cli.follow import follow
    from gilfoyle.cli.text import given, say
    from gilfoyle.client import Gilfoyle

    console = Console(stderr=True)
    name = name_of(source)
    with Gilfoyle(url, api_key) as client:
        part = {name: value for name, value in (("start", start), ("end", end)) if value is not None}
        media = given(client.medias.create(title or PurePosixPath(name).stem, input=[{"url": source, **part}]))
        say(console, f"{name}: media {media['id']}")
        typer.echo(media["id"] if detach else follow(client, media, name, console))


def name_of(source: str) -> str:
    """What a file at a URL is called: the last element of its path, else its host. Raises InvalidRequest."""
    try:
        parts = urlsplit(source)
        name = unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.hostname or ""
    except ValueError as error:
        raise InvalidRequest("That is not a URL that can be read.") from error
    return name or "file"
