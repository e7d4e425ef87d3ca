"""`gilfoyle config check | show`."""

from __future__ import annotations

from typing import Annotated

import typer

from gilfoyle.cli.options import ConfigOption

app = typer.Typer(no_args_is_help=True, help="Check the config, or print every setting.")


@app.command("check")
def check(config: ConfigOption = None) -> None:
    """Say whether the config is valid, and what follows from it."""
    from gilfoyle.config import find, load
    from gilfoyle.config.text import consequences
    from gilfoyle.ffmpeg import sandbox

    settings = load(config)
    typer.echo(f"{find(config) or 'The config (defaults and environment)'} is valid. With it:")
    for name, meaning in consequences(settings):
        typer.echo(f"  {name:<9} {meaning}")
    typer.echo(f"  {'sandbox':<9} {sandbox.told(sandbox.Mode(settings.tools.sandbox))}")


@app.command("show")
def show(
    config: ConfigOption = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Print the defaults: a config file to start from.")
    ] = False,
) -> None:
    """Print every setting in effect, as YAML with a comment for each. Secrets are masked."""
    from gilfoyle.config import Settings, load
    from gilfoyle.config.text import DEFAULTS_HEADER, EFFECTIVE_HEADER, masked, render

    if defaults:
        typer.echo(render(Settings(), DEFAULTS_HEADER), nl=False)
    else:
        typer.echo(render(masked(load(config)), EFFECTIVE_HEADER), nl=False)
