"""What is told of the package's name, and how far the versions of the parts it brings may go."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.plugin import PLUGIN

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PAGES = [
    ROOT / "README.md",
    *(ROOT / "docs").glob("*.md"),
    *(file for file in (ROOT / "deploy").rglob("*") if file.is_file()),
]
CONSTRAINTS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split())


def test_nobody_is_told_to_install_a_strangers_package() -> None:
    """The package index has a `gilfoyle` that is not this one."""
    said = [
        name
        for file in (*(ROOT / "gilfoyle").rglob("*.py"), *PAGES)
        for name in re.findall(r"(?:pip|pipx|uvx?) (?:install|run|tool install) '?([a-z-]+)", file.read_text())
    ]
    assert len(said) >= 4
    assert {*said} == {PROJECT["name"]} == {"gilfoyle-media"}
    assert tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]["dependencies"] == [PROJECT["name"]]


def test_the_command_and_what_is_imported_keep_their_name() -> None:
    assert PROJECT["scripts"] == {"gilfoyle": "gilfoyle.cli:main"}


@pytest.mark.parametrize("text", PROJECT["optional-dependencies"]["embedded"])
def test_embedded_parts_go_no_further_than_was_tried(text: str) -> None:
    part = Requirement(text)
    assert any(bound.operator == "<" for bound in part.specifier), "it has no upper bound"
    assert part.specifier.contains(CONSTRAINTS[part.name])
