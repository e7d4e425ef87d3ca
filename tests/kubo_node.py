"""The tests' real Kubo: the benchmark's, where there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.servers import kubo
from bench.servers.kubo import KuboNode

__all__ = ["KuboNode", "kubo_node", "skip_module_without_kubo"]

_REASON = "there is no Kubo (`make test` builds it where Go is installed; or set KUBO_BINARY)"


def skip_module_without_kubo() -> None:
    """Leave a whole test module out where there is no Kubo: pytest then says it in one line, for all of them."""
    if kubo.binary() is None and not os.environ.get("CI"):
        pytest.skip(f"the IPFS tests were not run: {_REASON}", allow_module_level=True)


@contextmanager
def kubo_node() -> Iterator[KuboNode]:
    """A running node in a temporary folder. Skips the test where there is no Kubo; in CI it fails."""
    if kubo.binary() is None:
        _unavailable()
    with kubo.kubo_node() as node:
        yield node


def _unavailable() -> None:
    if os.environ.get("CI"):
        pytest.fail(_REASON)
    pytest.skip(f"the IPFS tests were not run: {_REASON}")
