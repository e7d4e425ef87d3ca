"""Imports point one way: what decides knows nothing of what stores, serves or schedules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "gilfoyle"

# Each part, and what it may import of Gilfoyle besides itself. The longest name that fits a module is its part.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "tasks": set(),
    "wording": set(),
    "lifeline": set(),
    "logs": set(),
    "metrics": set(),
    "traces": {"errors"},
    "pod": set(),
    "media": {"errors"},
    "config": {"errors", "wording", "media.policy"},
    "net": {"errors"},
    "storage": {"errors", "config", "media"},
    "catalog": {"errors", "media"},
    # What a media has in a storage: the catalog knows what belongs to whom.
    "storage.relocation": {"errors", "storage", "catalog"},
    "storage.removal": {"errors", "storage", "catalog"},
    "ffmpeg": {"errors", "config", "media", "storage"},
    "ingest": {"errors", "config", "catalog", "storage", "media", "net"},
    "sweep": {"errors", "storage", "catalog", "temporal.messages"},
    "temporal": {"errors", "logs", "config", "media"},
    "activities": {"errors", "config", "media", "ffmpeg", "storage", "catalog", "ingest", "sweep", "temporal", "net"},
    # Of the catalog, the words for a status only: the activities' signatures use them.
    "workflows": {"errors", "media", "activities", "catalog", "temporal"},
    "embedded": {"errors", "config", "lifeline", "catalog.migrate"},
    "workers": {
        "errors",
        "config",
        "lifeline",
        "logs",
        "pod",
        "temporal",
        "storage",
        "catalog",
        "ingest",
        "ffmpeg",
        "net",
        "sweep",
        "activities",
        "workflows",
    },
    "api": {
        "errors",
        "wording",
        "config",
        "lifeline",
        "logs",
        "temporal",
        "media",
        "storage",
        "catalog",
        "ingest",
        "workflows",
        "net",
    },
    "testing": {"errors", "storage"},
    "client": {"errors"},
    "cli": {"*"},
    "__init__": set(),
    "__main__": {"cli"},
}
# gilfoyle.__version__, a bit of asyncio, and what is counted or traced wherever it happens
ANYONE_MAY_IMPORT = {"__init__", "tasks", "metrics", "traces"}
MODULES = sorted(".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in PACKAGE.rglob("*.py"))


def part_of(module: str) -> str | None:
    """`media` for `media.ladder`; None if no rule covers the module."""
    names = module.split(".")
    candidates = (".".join(names[:length]) for length in range(len(names), 0, -1))
    return next((candidate for candidate in candidates if candidate in MAY_IMPORT), None)


def imported(module: str) -> Iterator[str]:
    """The modules of Gilfoyle that `module` imports, at any depth of its code, without the leading `gilfoyle.`."""
    path = PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative imports hide where they lead"
            # `from gilfoyle.media import hls` may name a module or something in one.
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name == "gilfoyle" or name.startswith("gilfoyle."):
                yield _existing(name.removeprefix("gilfoyle").removeprefix("."))


def _existing(name: str) -> str:
    """`errors.NotFound` -> `errors`: the longest part of the name that is a module or package."""
    while name and name not in MODULES and f"{name}.__init__" not in MODULES:
        name = name.rpartition(".")[0]
    return name or "__init__"


def allowed(module: str, target: str) -> bool:
    own = part_of(module)
    assert own is not None, f"gilfoyle.{module} belongs to no part: add it to MAY_IMPORT"
    covers = {own, *MAY_IMPORT[own], *ANYONE_MAY_IMPORT}
    return "*" in covers or any(target == part or target.startswith(f"{part}.") for part in covers)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module: str) -> None:
    wrong = sorted({target for target in imported(module) if not allowed(module, target)})
    assert not wrong, f"gilfoyle.{module} must not import {', '.join(wrong)}"


@pytest.mark.parametrize(
    ("module", "target", "right"),
    [
        ("media.ladder", "errors", True),
        ("media.ladder", "media.policy", True),
        ("media.ladder", "storage.keys", False),
        ("catalog.models", "api.app", False),
        ("config", "media.policy", True),
        ("config", "media.ladder", False),
        ("cli.commands.api", "api.app", True),
        ("workers", "api.app", False),
    ],
)
def test_the_rules_bite(module: str, target: str, right: bool) -> None:
    assert allowed(module, target) is right


def test_imports_are_found_at_any_depth() -> None:
    assert {"cli.up", "config", "errors"} & set(imported("cli.commands.up")) == {"cli.up", "config"}
