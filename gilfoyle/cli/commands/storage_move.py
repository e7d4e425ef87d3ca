"""`gilfoyle storage move`: bring every media into another backend."""

from __future__ import annotations

from typing import Annotated

import typer

from gilfoyle.cli.options import ConfigOption


def command(
    to: Annotated[str, typer.Option("--to", metavar="BACKEND", help="Where the medias go: s3, ipfs, filesystem, …")],
    source: Annotated[
        str, typer.Option("--from", metavar="BACKEND", help="Only medias that lie there.", show_default="all others")
    ] = "",
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Start it, and don't follow it.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Move every media into another storage backend, verified by checksum. Medias stay playable meanwhile."""
    from rich.console import Console

    from gilfoyle.cli import moving, text
    from gilfoyle.cli.operations import Operation, begin, perform
    from gilfoyle.config import load
    from gilfoyle.temporal.messages import MoveProgress, MoveStorageInput, move_id

    if to == source:
        raise typer.BadParameter("it is the same backend as --to.", param_hint="--from")
    settings = load(config)
    again = f"gilfoyle storage move --to {to}" + (f" --from {source}" if source else "")
    job = MoveStorageInput(target=to, source=source)
    moving.prepare(settings, job)
    notes = Console(stderr=True)
    hint = "" if settings.storage.driver == to else f" New ones go to {settings.storage.driver}: set `storage.driver`."
    operation = Operation(
        workflow="MoveStorage",
        id=move_id(settings.temporal.queue_prefix),
        job=job,
        result=MoveProgress,
        title="The move",
        query="progress",
    )
    if no_wait:
        started = begin(settings, operation)
        text.say(notes, f"The move {'has begun' if started else 'is running already'}: `{again}` follows it.")
        return
    try:
        with moving.MoveDisplay(notes, hint=hint) as report:
            result = perform(settings, operation, lambda sentence: text.say(notes, sentence), report.update)
    except KeyboardInterrupt:
        text.say(notes, f"`{again}` follows it again.")
        raise
    if json:
        typer.echo(result.model_dump_json(indent=2))
    else:
        for line in moving.lines(result, settings.storage.driver):
            typer.echo(line)
    raise typer.Exit(int(bool(result.failed or result.remains)))
