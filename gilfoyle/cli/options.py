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


def _api_key(key: str) -> str:
    if not key.isascii() or not key.isprintable() or " " in key.strip():
        raise typer.BadParameter("it is no API key, such as gf_k3Jq8ZwT…")
    return key.strip()


UrlOption = Annotated[
    str,
    typer.Option("--url", envvar="GILFOYLE_URL", callback=_server_url, help="The server to talk to."),
]
ApiKeyOption = Annotated[
    str,
    typer.Option(
        "--api-key",
        envvar="GILFOYLE_API_KEY",
        callback=_api_key,
        show_default=False,
        show_envvar=True,
        help="The server's API key; better by the environment, where others don't see it.",
    ),
]
DataOption = Annotated[Path, typer.Option("--data", help="The data folder, if `gilfoyle up` runs the server.")]
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
