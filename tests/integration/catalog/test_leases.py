"""Work that one process does at a time."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from gilfoyle.catalog import Catalog


async def test_one_has_it_until_it_ends_or_is_given_back(catalog: Catalog) -> None:
    first, second = uuid4(), uuid4()
    assert await catalog.leases.take("work", first, 30)
    assert await catalog.leases.take("work", first, 0.3)
    assert not await catalog.leases.take("work", second, 30)
    assert await catalog.leases.take("other work", second, 30)
    await asyncio.sleep(0.4)
    assert await catalog.leases.take("work", second, 30)
    await catalog.leases.give_back("work", first)  # it has it no more
    assert not await catalog.leases.take("work", first, 30)
    await catalog.leases.give_back("work", second)
    assert await catalog.leases.take("work", first, 30)


async def test_of_many_at_once_one_has_it(catalog: Catalog) -> None:
    assert sum(await asyncio.gather(*(catalog.leases.take("work", uuid4(), 30) for _ in range(8)))) == 1
