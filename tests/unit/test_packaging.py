"""What is told of the package's name, and how far the versions of the parts it brings may go."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from gilfoyle import __version__
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
        for name in re.findall(
            r"(?:(?:pip|pipx|uvx?) (?:install|run|tool install)|uvx --from) '?([a-z-]+)", file.read_text()
        )
    ]
    assert len(said) >= 4
    assert {*said} == {PROJECT["name"]} == {"gilfoyle-media"}
    assert tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]["dependencies"] == [PROJECT["name"]]


def test_the_command_and_what_is_imported_keep_their_name() -> None:
    assert PROJECT["scripts"] == {"gilfoyle": "gilfoyle.cli:main"}


def test_the_version_is_one() -> None:
    assert PROJECT["version"] == __version__
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert __version__ in headings
    assert f"| {__version__} |" in (ROOT / "docs" / "upgrading.md").read_text()
    assert f"-t gilfoyle:{__version__} ." in (ROOT / "deploy" / "docker" / "Dockerfile").read_text()


def test_what_builds_is_pinned_and_the_same_everywhere() -> None:
    """Versions of tools are in what they make."""
    tools = dict(line.split("==") for line in (ROOT / "onefile" / "requirements.txt").read_text().split())
    assert tools["zstandard"] == CONSTRAINTS["zstandard"]
    assert f"cyclonedx-bom=={tools['cyclonedx-bom']} " in (ROOT / "deploy" / "docker" / "Dockerfile").read_text()
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert build == [f"hatchling=={CONSTRAINTS['hatchling']}"]


@pytest.mark.parametrize("text", PROJECT["optional-dependencies"]["embedded"])
def test_embedded_parts_go_no_further_than_was_tried(text: str) -> None:
    part = Requirement(text)
    assert any(bound.operator == "<" for bound in part.specifier), "it has no upper bound"
    assert part.specifier.contains(CONSTRAINTS[part.name])
