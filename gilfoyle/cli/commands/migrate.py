"""`gilfoyle migrate`: bring the catalog's tables up to date."""

from __future__ import annotations

import typer

from gilfoyle.cli.options import ConfigOption


def command(config: ConfigOption = None) -> None:
    """Bring the database's tables up to date. Run it before a new version; running it twice is harmless."""
    from gilfoyle.catalog.migrate import upgrade
    from gilfoyle.config import load

    upgrade(load(config).database.url)
    typer.echo("The catalog is up to date.")
