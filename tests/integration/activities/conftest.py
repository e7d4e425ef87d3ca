"""A media's folder for each test, and sources that several of them use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.activities.pipeline import LOWEST, Pipeline
from tests.sources import numbered


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    """A ladder of three rungs."""
    return Pipeline(tmp_path)


@pytest.fixture
def lowest(tmp_path: Path) -> Pipeline:
    """A ladder of one rung, for what is not about the ladder."""
    return Pipeline(tmp_path, LOWEST)


@pytest.fixture(scope="session")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven seconds at 30 frames/s: 14 segments in chunks of 1, 2, 4 and 7."""
    return numbered(tmp_path_factory.mktemp("ordinary") / "source.mp4", "30", 210)


@pytest.fixture(scope="session")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty seconds: long enough to be interrupted."""
    return numbered(tmp_path_factory.mktemp("long") / "source.mp4", "30", 1200)
