from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from gilfoyle.config import IpfsSettings
from gilfoyle.storage.contract import StorageContract
from gilfoyle.storage.ipfs import IpfsStorage
from tests.kubo_node import KuboNode, kubo_node


@pytest.fixture(scope="module")
def node() -> Iterator[KuboNode]:
    with kubo_node() as running:
        yield running


def settings(node: KuboNode, **others: object) -> IpfsSettings:
    """A folder of its own for each test."""
    return IpfsSettings(api=node.api, gateway=node.gateway, folder=f"/{uuid4().hex}", **others)


class TestContract(StorageContract):
    @pytest.fixture
    async def storage(self, node: KuboNode) -> AsyncIterator[IpfsStorage]:
        storage = IpfsStorage(settings(node))
        yield storage
        assert [write async for write in storage.unfinished()] == []
        await storage.close()
