"""`gilfoyle migrate`: bring the catalog's tables up to date, or back."""

from __future__ import annotations

from typing import Annotated

import typer

from gilfoyle.cli.options import ConfigOption


def command(
    back_to: Annotated[
        str,
        typer.Option(
            "--back-to",
            metavar="RELEASE",
            help="Take them back to those of an older release; what that has no place for is dropped.",
        ),
    ] = "",
    config: ConfigOption = None,
) -> None:
    """Bring the database's tables up to date. Run it before a new version; running it twice is harmless."""
    from gilfoyle.catalog.migrate import downgrade, upgrade
    from gilfoyle.config import load

    url = load(config).database.url
    if back_to:
        downgrade(url, back_to)
        typer.echo(f"The catalog is as {back_to} has it.")
    else:
        upgrade(url)
        typer.echo("The catalog is up to date.")
