"""Keys and projects from the command line, straight in the database."""

from __future__ import annotations

import asyncio
import json

import pytest
from click.testing import Result
from typer.testing import CliRunner

from gilfoyle.api.keyring import KeyRing
from gilfoyle.catalog import Catalog, Scope
from gilfoyle.cli import app
from gilfoyle.errors import Conflict, GilfoyleError, NotFound, Unauthorized


async def run(database_url: str, *arguments: str) -> Result:
    """In a thread, for the command has a loop of its own."""
    environment = {"GILFOYLE_DATABASE__URL": database_url, "GILFOYLE_CONFIG": "", "COLUMNS": "200"}
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=environment)


async def test_from_a_first_key_to_its_revocation(catalog: Catalog, database_url: str) -> None:
    secret = (await run(database_url, "keys", "create", "back end", "--scope", "admin")).stdout.strip()
    key = await KeyRing(catalog).key(secret)
    assert (key.name, key.scope, key.project, key.expires_at) == ("back end", "admin", None, None)
    listed = (await run(database_url, "keys", "list")).stdout
    assert secret not in listed and key.prefix in listed and "good" in listed
    assert (await run(database_url, "keys", "revoke", key.prefix)).stdout == f"Revoked {key.id}.\n"
    with pytest.raises(Unauthorized):
        await KeyRing(catalog).key(secret)
    [shown] = json.loads((await run(database_url, "keys", "list", "--json")).stdout)
    assert shown["revoked_at"] and "hash" not in shown and "secret" not in shown


async def test_a_key_of_a_project_for_a_while(catalog: Catalog, database_url: str) -> None:
    assert (await run(database_url, "projects", "create", "shop")).stdout == "Made shop.\n"
    made = await run(database_url, "keys", "create", "x", "--project", "shop", "--expires-days", "0.5", "--json")
    shown = json.loads(made.stdout)
    key = await KeyRing(catalog).key(shown["secret"])
    assert (key.project, key.scope) == ("shop", Scope.READ) and key.expires_at is not None
    listed = json.loads((await run(database_url, "projects", "list", "--json")).stdout)
    assert [project["id"] for project in listed] == ["default", "shop"]
    assert (await run(database_url, "projects", "delete", "shop")).stdout == "Deleted shop.\n"
    assert await catalog.keys.all() == []


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["keys", "create", "x", "--project", "none"], NotFound),
        (["keys", "revoke", "gf_nonsense"], NotFound),
        (["projects", "delete", "default"], Conflict),
        (["projects", "create", "default"], Conflict),
    ],
)
async def test_what_can_not_be_done_is_said(
    catalog: Catalog, database_url: str, arguments: list[str], fault: type[GilfoyleError]
) -> None:
    assert isinstance((await run(database_url, *arguments)).exception, fault)


@pytest.mark.parametrize(
    "arguments",
    [
        ["projects", "create", "Not A Slug"],
        ["keys", "create", "x", "--scope", "all"],
        ["list", "--api-key", "two words"],
    ],
)
async def test_what_was_called_wrongly_is_status_2(arguments: list[str]) -> None:
    assert (await run("postgresql://x@127.0.0.1:1/x", *arguments)).exit_code == 2
