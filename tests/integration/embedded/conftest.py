"""A data folder of its own for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gilfoyle.embedded.folder import DataFolder


@pytest.fixture
def folder() -> Iterator[DataFolder]:
    """At a short path, for PostgreSQL's socket, and with characters that URLs and shells give a meaning to."""
    with tempfile.TemporaryDirectory(prefix="gf +%41ü", ignore_cleanup_errors=True) as root:
        Path(root).chmod(0o755)  # As other folders are; a test closes it where that matters.
        made = DataFolder(Path(root))
        made.make()
        yield made
