"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

DEFAULT_URL = "http://127.0.0.1:8000"


def _server_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError for what is not a port
    except ValueError as error:
        raise typer.BadParameter(f"{url!r} is not a URL: {error}.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise typer.BadParameter(f"{url!r} is not the URL of a server, such as {DEFAULT_URL}.")
    return url.rstrip("/")


UrlOption = Annotated[
    str,
    typer.Option("--url", envvar="GILFOYLE_URL", callback=_server_url, help="The server to talk to."),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        envvar="GILFOYLE_CONFIG",
        help="The config file.",
        show_default="./config.yaml if there is one",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, as the API gives it.")]
