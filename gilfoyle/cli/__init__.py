"""The command line: `gilfoyle up | api | worker | migrate | upload | import | list | show | verify | retry | replace |
delete | sign | keys | projects | storage | config`.

Each command is a module of `gilfoyle.cli.commands`. What is heavy (Temporal, FastAPI, SQLAlchemy, httpx) is imported
inside the command that needs it, so that `gilfoyle --help` answers at once.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from typing import Annotated, NoReturn

import typer

from gilfoyle import __version__
from gilfoyle.cli.commands import (
    api,
    config,
    delete,
    import_,
    keys,
    list_,
    migrate,
    projects,
    replace,
    retry,
    show,
    sign,
    storage,
    up,
    upload,
    verify,
    worker,
)
from gilfoyle.errors import GilfoyleError

app = typer.Typer(
    name="gilfoyle",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up")(up.command)
app.command("upload")(upload.command)
app.command("import")(import_.command)
app.command("list")(list_.command)
app.command("show")(show.command)
app.command("verify")(verify.command)
app.command("replace")(replace.command)
app.command("retry")(retry.command)
app.command("delete")(delete.command)
app.command("sign")(sign.command)
app.command("api")(api.command)
app.command("worker")(worker.command)
app.command("migrate")(migrate.command)
app.add_typer(keys.app, name="keys")
app.add_typer(projects.app, name="projects")
app.add_typer(storage.app, name="storage")
app.add_typer(config.app, name="config")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"gilfoyle {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A media streaming server of your own: upload, encode, package and stream video and audio."""


def main() -> NoReturn:
    """Run the command that `sys.argv` names, and exit.

    Status 0: done. 1: it failed, a sentence on stderr says why. 2: it was not called rightly. 130: Ctrl-C.
    """
    try:
        app(prog_name="gilfoyle")
    except GilfoyleError as error:
        typer.echo(explain(error), err=True)
        _leave(1)
    except SystemExit as left:
        _leave(left.code)
    _leave(0)


def _leave(status: str | int | None) -> NoReturn:
    """Exit. If Temporal's client was used, at once: a thread of it that is just ending can abort a Python that ends."""
    if isinstance(status, int) and "temporalio.bridge" in sys.modules:
        logging.shutdown()
        with suppress(OSError):  # whoever read it has gone
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def explain(error: GilfoyleError) -> str:
    """The error's sentence and, indented below it, one line for each field it names."""
    return "\n".join([error.message, *(f"  {name}: {fault}" for name, fault in error.fields.items())])
