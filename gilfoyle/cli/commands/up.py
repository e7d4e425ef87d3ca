"""`gilfoyle up`: the whole server on this machine, on embedded parts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from gilfoyle.cli.options import ConfigOption


def command(
    data: Annotated[Path, typer.Option("--data", help="Folder for everything that is kept.")] = Path("data"),
    api_port: Annotated[
        int | None,
        typer.Option("--api-port", min=0, max=65535, help="Port of the API; 0: any.", show_default="server.port"),
    ] = None,
    ui_port: Annotated[
        int | None,
        typer.Option("--ui-port", min=0, max=65535, help="Port of Temporal's web UI; 0: any.", show_default="8233"),
    ] = None,
    ready_file: Annotated[
        Path | None, typer.Option("--ready-file", help="Written as soon as the server takes uploads.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Start everything on this machine: PostgreSQL, Temporal, the API and a worker. Ctrl-C stops it."""
    from gilfoyle.cli.up import up
    from gilfoyle.config import load
    from gilfoyle.config.environment import CONFIG

    if config:
        # The API and the workers are processes of their own: they find the file by the environment they inherit.
        os.environ[CONFIG] = str(config.absolute())
    raise typer.Exit(up(data, api_port, ui_port, ready_file, load(config)))
