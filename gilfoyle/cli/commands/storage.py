"""`gilfoyle storage check | move | sweep`: what is done to all of a storage. One module for each command."""

from __future__ import annotations

import typer

from gilfoyle.cli.commands import storage_check, storage_move, storage_sweep

app = typer.Typer(no_args_is_help=True, help="Work on the storage as a whole.")
app.command("check")(storage_check.command)
app.command("move")(storage_move.command)
app.command("sweep")(storage_sweep.command)
