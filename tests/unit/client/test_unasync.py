"""The client for threads is the one for asyncio."""

from __future__ import annotations

from pathlib import Path

from tests.unit.client.unasync import BY_HAND, CLIENT, make


def test_neither_client_lacks_what_the_other_has(tmp_path: Path) -> None:
    make(tmp_path)
    made = {path.name: path.read_text() for path in tmp_path.glob("*.py")}
    there = {path.name: path.read_text() for path in (CLIENT / "synchronous").glob("*.py") if path.name not in BY_HAND}
    assert made == there, "run `make client`"
