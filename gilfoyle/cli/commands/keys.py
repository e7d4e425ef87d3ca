"""`gilfoyle keys create | list | revoke`: API keys, made in the database itself, so that there can be a first one."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gilfoyle.cli.options import ConfigOption, DataOption, JsonOption
from gilfoyle.errors import NotFound

if TYPE_CHECKING:
    from gilfoyle.catalog import Catalog, Key
    from gilfoyle.cli.text import Json

app = typer.Typer(no_args_is_help=True, help="Make API keys, list and revoke them.")


class Scope(StrEnum):
    """What a key allows, as the API spells it; each includes those before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    scope: Annotated[
        Scope, typer.Option("--scope", metavar="SCOPE", help=f"What it allows: {', '.join(Scope)}.")
    ] = Scope.READ,
    project: Annotated[
        str | None, typer.Option("--project", metavar="ID", help="Bind it to a project.", show_default="all")
    ] = None,
    expires_days: Annotated[
        float | None, typer.Option("--expires-days", min=0, max=36500, help="Days it is good for.", show_default="ever")
    ] = None,
    json: JsonOption = False,
    data: DataOption = Path("data"),
    config: ConfigOption = None,
) -> None:
    """Make an API key. Prints the key itself, which can't be seen again."""
    from gilfoyle.catalog import Scope as CatalogScope
    from gilfoyle.cli import text
    from gilfoyle.cli.database import in_catalog

    expires_at = None if expires_days is None else datetime.now().astimezone() + timedelta(days=expires_days)

    async def make(catalog: Catalog) -> tuple[Key, str]:
        return await catalog.keys.create(name[:200], CatalogScope(scope), project, expires_at)

    key, secret = in_catalog(make, data, config)
    typer.echo(text.as_json({**_facts(key), "secret": secret}) if json else secret)


@app.command("list")
def index(json: JsonOption = False, data: DataOption = Path("data"), config: ConfigOption = None) -> None:
    """List the API keys, the newest first, without their secrets."""
    from gilfoyle.cli import text
    from gilfoyle.cli.database import in_catalog

    async def read(catalog: Catalog) -> list[Key]:
        return await catalog.keys.all()

    keys = in_catalog(read, data, config)
    if json:
        typer.echo(text.as_json([_facts(key) for key in keys]))
        return
    rows = [("ID", "BEGINS", "SCOPE", "PROJECT", "STATE", "LAST USED", "NAME")]
    rows += [
        (
            str(key.id),
            key.prefix,
            key.scope,
            key.project or "all",
            "revoked" if key.revoked_at else "expired" if key.has_expired else "good",
            key.last_used_at.isoformat(timespec="minutes") if key.last_used_at else "never",
            text.clean(key.name),
        )
        for key in keys
    ]
    for line in text.columns(rows):
        typer.echo(line)


@app.command("revoke")
def revoke(
    which: Annotated[str, typer.Argument(metavar="KEY", help="Its id, or the beginning that `list` shows.")],
    data: DataOption = Path("data"),
    config: ConfigOption = None,
) -> None:
    """Revoke an API key: every server refuses it within 3 seconds."""
    from gilfoyle.cli.database import in_catalog

    async def take(catalog: Catalog) -> Key:
        found = [key for key in await catalog.keys.all() if which in (str(key.id), key.prefix)]
        if len(found) != 1:
            raise NotFound(f"There are {len(found)} keys {which}: name one by its id." if found else f"No key {which}.")
        return await catalog.keys.revoke(found[0].id)

    key = in_catalog(take, data, config)
    typer.echo(f"Revoked {key.id}.")


def _facts(key: Key) -> Json:
    return key.model_dump(mode="json", exclude={"hash"})
