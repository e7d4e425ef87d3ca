"""`gilfoyle storage sweep`: remove what no media owns."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from gilfoyle.cli.options import ConfigOption

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SHORTEST_S = 60


def seconds(text: str) -> int:
    """`90`, `90s`, `15m`, `24h` or `7d`, as seconds. Raises typer.BadParameter."""
    found = re.fullmatch(r"(\d{1,9})([smhd]?)", text.strip())
    if not found:
        raise typer.BadParameter(f"{text!r} is not a time such as 90 (seconds), 15m, 24h or 7d.")
    count = int(found[1]) * _UNITS[found[2]]
    if count < _SHORTEST_S:
        raise typer.BadParameter(f"{text!r} is less than a minute: what is being written now could be taken for old.")
    return count


def command(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing; show what would be removed.")] = False,
    older_than: Annotated[
        int | None,
        typer.Option(
            "--older-than",
            metavar="TIME",
            parser=seconds,
            help="Leave alone what is younger: seconds, or 15m, 24h, 7d.",
            show_default="storage.sweep.older_than_s",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Go on where more than half of a backend would be removed.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Remove from the storage what no media owns: of medias that are gone, of uploads and moves that broke off."""
    from rich.console import Console

    from gilfoyle.cli import swept, text
    from gilfoyle.cli.operations import Operation, perform
    from gilfoyle.config import load
    from gilfoyle.temporal.messages import SweepInput, SweepResult, sweep_id

    settings = load(config)
    age_s = settings.storage.sweep.older_than_s if older_than is None else older_than
    notes = Console(stderr=True)
    result = perform(
        settings,
        Operation(
            workflow="SweepStorage",
            id=sweep_id(settings.temporal.queue_prefix),
            job=SweepInput(older_than_s=age_s, dry_run=dry_run, force=force),
            result=SweepResult,
            title="The sweep",
            join=False,  # one that runs already was told otherwise, perhaps to remove nothing
        ),
        lambda sentence: text.say(notes, sentence),
    )
    if json:
        typer.echo(result.model_dump_json(indent=2))
    else:
        for line in swept.lines(result, dry_run=dry_run):
            typer.echo(line)
    for sentence in result.faults:
        text.say(notes, sentence)
    raise typer.Exit(int(bool(result.faults)))
