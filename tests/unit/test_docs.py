"""The docs name what there is: settings, error codes, task queues, commands, options, endpoints, files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from pydantic import BaseModel

from gilfoyle import errors
from gilfoyle.api.app import create_app
from gilfoyle.cli import app
from gilfoyle.cli.commands.worker import Queue
from gilfoyle.config import Settings
from gilfoyle.config.faults import item_model
from gilfoyle.config.text import scalar
from gilfoyle.embedded.folder import DataFolder

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]


def setting_rows(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[str]:
    """A table row for every setting, as configuration.md should have it."""
    for name, field in model.model_fields.items():
        inner = item_model(field.annotation)
        if inner is None or inner is not field.annotation:
            default = "required" if field.is_required() else "see below" if inner else f"`{scalar(field.default)}`"
            yield f"| `{prefix}{name}` | {default} | {field.description} |"
        if inner:
            yield from setting_rows(inner, f"{prefix}{name}{'.' if inner is field.annotation else '[].'}")


@pytest.mark.parametrize("row", [*setting_rows()])
def test_every_setting_is_documented_as_it_is(row: str) -> None:
    assert row in (DOCS / "configuration.md").read_text().splitlines()


def test_no_setting_is_documented_that_is_not_there() -> None:
    documented = [line for line in (DOCS / "configuration.md").read_text().splitlines() if line.startswith("| `")]
    assert sorted(documented) == sorted(setting_rows())


def error_classes(root: type[errors.GilfoyleError] = errors.GilfoyleError) -> Iterator[type[errors.GilfoyleError]]:
    yield root
    for below in root.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from error_classes(below)


@pytest.mark.parametrize("error", [*error_classes()])
def test_every_error_code_is_documented_with_its_status(error: type[errors.GilfoyleError]) -> None:
    row = re.search(rf"^\| `{error.code}` \| (\S+) \|", (DOCS / "errors.md").read_text(), re.MULTILINE)
    assert row, f"docs/errors.md lacks `{error.code}`"
    # A class without a status of its own never becomes an answer of the API.
    shown = str(error.status) if "status" in vars(error) else "–"
    assert row[1] == shown


def finer_codes() -> set[str]:
    """Codes that are given to an error in place of its class's own."""
    sources = (path.read_text() for path in (ROOT / "gilfoyle").rglob("*.py"))
    return {code for source in sources for code in re.findall(r'\bcode="(\w+)"', source)}


@pytest.mark.parametrize("code", sorted(finer_codes() - {"ok"}))
def test_every_finer_code_is_documented(code: str) -> None:
    assert f"`{code}`" in (DOCS / "errors.md").read_text()


def test_the_error_tree_is_drawn_whole() -> None:
    for error in error_classes():
        if error is not errors.GilfoyleError:
            assert re.search(rf"── {error.__name__} +{error.code}\b", errors.__doc__ or ""), error.__name__


def test_every_endpoint_is_documented_and_no_other() -> None:
    paths = create_app(Settings()).openapi()["paths"]
    there = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert set(re.findall(r"^\| `([A-Z]+ /\S*)` \|", (DOCS / "api.md").read_text(), re.MULTILINE)) == there


@pytest.mark.parametrize("queue", [*Queue])
def test_every_task_queue_is_documented(queue: Queue) -> None:
    for page in (DOCS / "operations.md", ROOT / "DESIGN.md"):
        assert re.search(rf"`(gilfoyle|\{{prefix\}})-{queue}`", page.read_text()), page


def commands(command: Any = None, name: str = "gilfoyle") -> Iterator[tuple[str, list[str]]]:
    """Every command with its options: `("gilfoyle list", ["--status", …])`."""
    command = command or typer.main.get_command(app)
    below = getattr(command, "commands", {})
    names = [name for option in command.params for name in [*option.opts, *option.secondary_opts]]
    if not below or name == "gilfoyle":
        yield name, [option for option in names if option.startswith("--") and option != "--help"]
    for inner, sub in below.items():
        yield from commands(sub, f"{name} {inner}")


@pytest.mark.parametrize(("command", "options"), [*commands()])
def test_every_command_and_option_is_documented(command: str, options: list[str]) -> None:
    rows = (DOCS / "operations.md").read_text().partition("## Commands")[2].splitlines()
    row = next((row for row in rows if re.match(rf"\| `{command}( [A-Z]+…?)*` \|", row)), None)
    assert row, f"docs/operations.md lacks {command}"
    documented = set(re.findall(r"`(--[a-z-]+)", row))
    assert documented == set(options)


def test_the_data_folder_is_documented() -> None:
    text = (DOCS / "operations.md").read_text()
    folder = DataFolder(Path("/data"))
    for path in vars(folder).values():
        if path != folder.root:
            assert re.search(rf"`data/{path.name}/?`", text), path.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            file, _, anchor = target.partition("#")
            reached = page.parent / file if file else page
            assert reached.exists(), f"{page.name}: {target}"
            if anchor:
                headings = re.findall(r"^#+ (.+)$", reached.read_text(), re.MULTILINE)
                assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_settings_named_in_prose_exist() -> None:
    known = {re.findall(r"`([^`]+)`", row)[0] for row in setting_rows()}
    sections = "|".join(Settings.model_fields)
    for page in PAGES:
        for name in re.findall(rf"`((?:{sections})\.[a-z_.]+)`", page.read_text()):
            assert name in known or name.endswith((".py", ".md", ".yaml")), f"{page.name}: {name}"


def test_decisions_are_numbered_and_dated() -> None:
    """Each number once. One may be missing: a change that has been given it is still under way."""
    found = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    numbers = [int(page.name[:4]) for page in found]
    assert len(numbers) == len(set(numbers))
    for number, page in zip(numbers, found, strict=True):
        title, _, date = page.read_text().splitlines()[:3]
        assert title.startswith(f"# {number}. ")
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", date)
