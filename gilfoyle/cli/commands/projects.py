"""`gilfoyle projects create | list | delete`: the namespaces that keys are bound to, in the database itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gilfoyle.cli.options import ConfigOption, DataOption, JsonOption

if TYPE_CHECKING:
    from gilfoyle.catalog import Catalog, Project

app = typer.Typer(no_args_is_help=True, help="Make projects, list and delete them.")
Id = Annotated[str, typer.Argument(metavar="ID", help="1 to 40 small letters, digits and hyphens.")]


@app.command("create")
def create(
    project: Id,
    name: Annotated[str, typer.Option("--name", help="What people read.", show_default="the id")] = "",
    data: DataOption = Path("data"),
    config: ConfigOption = None,
) -> None:
    """Make a project."""
    from gilfoyle.catalog.projects import SLUG
    from gilfoyle.cli.database import in_catalog

    if not re.fullmatch(SLUG, project):
        raise typer.BadParameter("it must be 1 to 40 small letters, digits and hyphens.", param_hint="ID")

    async def make(catalog: Catalog) -> Project:
        return await catalog.projects.create(project, name[:200])

    typer.echo(f"Made {in_catalog(make, data, config).id}.")


@app.command("list")
def index(json: JsonOption = False, data: DataOption = Path("data"), config: ConfigOption = None) -> None:
    """List the projects, by their ids."""
    from gilfoyle.cli import text
    from gilfoyle.cli.database import in_catalog

    async def read(catalog: Catalog) -> list[Project]:
        return await catalog.projects.all()

    projects = in_catalog(read, data, config)
    if json:
        typer.echo(text.as_json([project.model_dump(mode="json") for project in projects]))
        return
    for line in text.columns([("ID", "NAME"), *((each.id, text.clean(each.name)) for each in projects)]):
        typer.echo(line)


@app.command("delete")
def delete(project: Id, data: DataOption = Path("data"), config: ConfigOption = None) -> None:
    """Delete a project that has no medias any more, with its keys."""
    from gilfoyle.cli.database import in_catalog

    async def remove(catalog: Catalog) -> None:
        await catalog.projects.delete(project)

    in_catalog(remove, data, config)
    typer.echo(f"Deleted {project}.")
