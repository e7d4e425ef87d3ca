"""`python -m chaos`: see docs/chaos.md."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, Protocol, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from gilfoyle.errors import GilfoyleError

T = TypeVar("T")
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def chaos(
    context: typer.Context,
    minutes: Annotated[float, typer.Option("--minutes", min=0.1, help="How long things go wrong.")] = 15,
    seed: Annotated[int, typer.Option("--seed", help="Of all that is random.")] = 1,
    storage: Annotated[
        Literal["filesystem", "s3"], typer.Option("--storage", help="Where medias are kept.")
    ] = "filesystem",
    as_json: Annotated[bool, typer.Option("--json", help="Say little; end with one line of JSON on stdout.")] = False,
) -> None:
    """Upload all the time while parts are killed, connections cut and the disk fills up; then look at what is true."""
    if context.invoked_subcommand:
        return
    from chaos.run import Options, run
    from chaos.table import tables

    report, folder = asyncio.run(_until_signal(run(Options(minutes, seed, storage, quiet=as_json))))
    _tell(report, tables(report), [f"Not good: the logs are in {folder}."] if folder else [], as_json=as_json)


@app.command()
def corpus(
    files: Annotated[int, typer.Option("--files", min=1, help="How many files are spoiled.")] = 500,
    seed: Annotated[int, typer.Option("--seed", help="Of all that is random.")] = 1,
    only: Annotated[int | None, typer.Option("--only", min=0, help="Only that file of the run, by its number.")] = None,
    keep: Annotated[Path | None, typer.Option("--keep", help="A folder for the files that are a finding.")] = None,
    calls: Annotated[bool, typer.Option("--calls", help="Have strace write down what ffmpeg opens.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say little; end with one line of JSON on stdout.")] = False,
) -> None:
    """Spoil small files of every container, and look at what becomes of them: right, or Errored with a reason."""
    from chaos.spoiled.run import Options, run
    from chaos.spoiled.table import tables

    notes = Console(stderr=True, quiet=as_json)
    report = asyncio.run(_until_signal(run(Options(files, seed, only, keep, calls), notes.print)))
    _tell(report, tables(report), as_json=as_json)


@app.command()
def compose(
    key: Annotated[str, typer.Option("--api-key", envvar="ADMIN_SECRET", help="With which medias may be made.")],
    minutes: Annotated[float, typer.Option("--minutes", min=0.1, help="How long things go wrong.")] = 5,
    seed: Annotated[int, typer.Option("--seed", help="Of all that is random.")] = 1,
    url: Annotated[str, typer.Option("--url", help="Where nginx answers.")] = "http://127.0.0.1:8080",
    project: Annotated[str, typer.Option("--project", help="The name of the compose project.")] = "gilfoyle",
    as_json: Annotated[bool, typer.Option("--json", help="Say little; end with one line of JSON on stdout.")] = False,
) -> None:
    """Take away containers of a stack that runs, while uploading into it; then look at what became of each upload."""
    from chaos.stack.run import Options, run
    from chaos.table import tables

    notes = Console(stderr=True, quiet=as_json)
    report = asyncio.run(_until_signal(run(Options(minutes, seed, url, key, project), notes.print)))
    _tell(report, tables(report), as_json=as_json)


class _Report(Protocol):
    """What each of the runs ends with."""

    @property
    def findings(self) -> list[str]: ...

    @property
    def good(self) -> bool: ...

    def figures(self) -> dict[str, Any]: ...


def _tell(report: _Report, tables: Iterable[Table], more: Iterable[str] = (), *, as_json: bool) -> NoReturn:
    """Print a report, its findings and what is said `more`, and end: with 0 if all is well, else with 1."""
    console = Console(width=None if sys.stdout.isatty() else 100)
    for table in tables:
        console.print(table)
    for finding in report.findings:
        console.print(finding, markup=False, highlight=False)
    for sentence in more:
        console.print(sentence, markup=False)
    if as_json:
        print(json.dumps(report.figures()))
    raise typer.Exit(0 if report.good else 1)


async def _until_signal(work: Coroutine[Any, Any, T]) -> T:
    """Do the work; SIGINT and SIGTERM cancel it, once, so that it stops all that it has started."""
    task = asyncio.ensure_future(work)
    ending: list[int] = []

    def end(number: int) -> None:
        if not ending:
            task.cancel()
        ending.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not ending:
            raise
        sys.exit(128 + ending[0])


def main() -> None:
    """A failure is a sentence on stderr and exit status 1."""
    try:
        app(prog_name="python -m chaos")
    except GilfoyleError as error:
        typer.echo(error.message, err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
