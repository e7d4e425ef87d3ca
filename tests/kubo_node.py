"""The tests' real Kubo: the benchmark's, where there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.servers import kubo
from bench.servers.kubo import KuboNode

__all__ = ["KuboNode", "kubo_node"]


@contextmanager
def kubo_node() -> Iterator[KuboNode]:
    """A running node in a temporary folder. Skips the test where there is no Kubo; in CI it fails."""
    if kubo.binary() is None:
        _unavailable("there is no Kubo (`make test` builds it where Go is installed; or set GILFOYLE_IPFS)")
    with kubo.kubo_node() as node:
        yield node


def _unavailable(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(f"the IPFS tests were not run: {reason}")
