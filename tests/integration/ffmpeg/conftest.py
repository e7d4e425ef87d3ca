"""The sources and ladders that the activities' tests use, too."""

from __future__ import annotations

from tests.integration.activities.conftest import lowest, ordinary

__all__ = ["lowest", "ordinary"]
