"""What docs/plugins.md shows of the example package is what the package holds."""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml

from gilfoyle.config import Settings
from tests.plugin import PLUGIN
from tests.unit.test_docs import DOCS

PAGE = (DOCS / "plugins.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SOURCES = [path.read_text() for path in (*PLUGIN.glob("*.py"), PLUGIN / "pyproject.toml")]


@pytest.mark.parametrize("block", [text for language, text in BLOCKS if language in ("python", "toml")])
def test_code_is_that_of_the_package(block: str) -> None:
    assert any(block in source for source in SOURCES)


def test_the_example_is_shown_at_all() -> None:
    assert [language for language, _ in BLOCKS] == ["toml", "python", "python", "python", "yaml", "sh"]


def test_the_settings_shown_name_the_packages_driver() -> None:
    (shown,) = [yaml.safe_load(text) for language, text in BLOCKS if language == "yaml"]
    points = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]["entry-points"]["gilfoyle.storage"]
    assert Settings.model_validate(shown).storage.driver in points


def test_the_length_is_told_rightly() -> None:
    lines = len((PLUGIN / "gilfoyle_flat.py").read_text().splitlines())
    assert f"its module has {lines} lines" in PAGE
