"""`python -m bench`: the measurements, one command each."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import psutil
import typer

from gilfoyle.errors import GilfoyleError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def root() -> None:
    """Measure Gilfoyle on this machine."""


@app.command()
def encode(
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON on stdout.")] = False,
    seconds: Annotated[int, typer.Option("--seconds", min=4, help="Length of the source that is made.")] = 60,
    source: Annotated[Path | None, typer.Option("--source", help="Measure with this file instead.")] = None,
    runs: Annotated[int, typer.Option("--runs", min=1, help="Pairs of runs; ratios are their medians.")] = 1,
) -> None:
    """Compare the pipeline, from upload to Ready, with one hand-written ffmpeg command that makes the same ladder."""
    from bench.encode import encode

    encode(source=source, seconds=seconds, runs=runs, as_json=as_json)


@app.command()
def storage(
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON on stdout.")] = False,
    size_mb: Annotated[int, typer.Option("--size-mb", min=1, help="Size of the large object, in MiB.")] = 1024,
    segments: Annotated[int, typer.Option("--segments", min=1, max=20_000, help="How many segments.")] = 2000,
    runs: Annotated[int, typer.Option("--runs", min=1, help="Pairs of runs; ratios are their medians.")] = 1,
) -> None:
    """Compare each storage backend with the bare tool for the same job: cp, boto3, the ipfs command."""
    from bench.storage.measure import storage
    from bench.storage.side import Sizes

    storage(Sizes(size_mb, segments), runs=runs, as_json=as_json)


def main() -> None:
    """Run the command that `sys.argv` names. A failure is a sentence on stderr and exit status 1."""
    # A `kill` too stops the servers, by the way of their `finally`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app(prog_name="python -m bench")
    except GilfoyleError as error:
        typer.echo(error.message, err=True)
        sys.exit(1)
    finally:
        # A signal may have come just when a server was being started, before anyone knew its process.
        for child in psutil.Process().children(recursive=True):
            child.kill()


if __name__ == "__main__":
    main()
