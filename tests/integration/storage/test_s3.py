from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gilfoyle.config import S3Settings
from gilfoyle.storage.contract import StorageContract
from gilfoyle.storage.s3 import S3Storage


class TestContract(StorageContract):
    @pytest.fixture
    async def storage(self, s3_settings: S3Settings) -> AsyncIterator[S3Storage]:
        storage = S3Storage(s3_settings)
        yield storage
        assert [write async for write in storage.unfinished()] == []
        await storage.close()
