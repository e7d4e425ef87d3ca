from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from gilfoyle_flat import FlatStorage

from gilfoyle.testing.storage_contract import StorageContract


class TestFlat(StorageContract):
    @pytest.fixture
    async def storage(self, tmp_path: Path) -> AsyncIterator[FlatStorage]:
        storage = FlatStorage(tmp_path)
        yield storage
        assert not list(tmp_path.glob("~*"))  # what a write that failed would leave
        await storage.close()
