"""The services on which the corpus is run: real Temporal, PostgreSQL, files and workers."""

from __future__ import annotations

from tests.integration.workflows.conftest import new_service, service, temporal  # noqa: F401
