from __future__ import annotations

import asyncio

import pytest

from gilfoyle.errors import StorageError
from gilfoyle.storage.ipfs.commit import ATTEMPTS, Commits


class Root:
    """A node's MFS root: what was applied is durable after a flush."""

    def __init__(self) -> None:
        self.applied: list[str] = []
        self.durable: list[str] = []
        self.flushes = 0
        self.broken = False

    async def flush(self) -> str:
        await asyncio.sleep(0.01)
        self.flushes += 1
        if self.broken:
            raise StorageError("away")
        self.durable = list(self.applied)
        return ",".join(self.durable)


class Put:
    def __init__(self, root: Root, name: str, lost: int = 0) -> None:
        self.root, self.name, self.lost = root, name, lost

    async def apply(self) -> None:
        if self.lost:
            self.lost -= 1
        else:
            self.root.applied.append(self.name)

    async def holds(self) -> bool:
        return self.name in self.root.applied


class Refused(Put):
    async def apply(self) -> None:
        raise StorageError("a folder is in its place")


@pytest.fixture
def root() -> Root:
    return Root()


@pytest.fixture
def commits(root: Root) -> Commits:
    return Commits(root.flush, root.flush)


async def test_changes_share_a_flush(root: Root, commits: Commits) -> None:
    await asyncio.gather(*(commits.commit(Put(root, str(n))) for n in range(50)))
    assert sorted(root.durable, key=int) == [str(n) for n in range(50)]
    assert root.flushes <= 2
    await commits.close()


async def test_returns_only_when_it_is_durable(root: Root, commits: Commits) -> None:
    async def one(name: str) -> None:
        await commits.commit(Put(root, name))
        assert name in root.durable

    for n in range(0, 12, 3):  # also when a flush is under way
        await asyncio.gather(one(f"{n}"), one(f"{n + 1}"), asyncio.sleep(0.004 * n))
    await commits.close()


async def test_what_a_flush_lost_is_made_again(root: Root, commits: Commits) -> None:
    await asyncio.gather(commits.commit(Put(root, "a", lost=2)), commits.commit(Put(root, "b")))
    assert sorted(root.durable) == ["a", "b"]
    with pytest.raises(StorageError, match="again and again"):
        await commits.commit(Put(root, "c", lost=ATTEMPTS))
    await commits.close()


async def test_one_that_fails_does_not_fail_the_others(root: Root, commits: Commits) -> None:
    failed, done = await asyncio.gather(
        commits.commit(Refused(root, "a")), commits.commit(Put(root, "b")), return_exceptions=True
    )
    assert isinstance(failed, StorageError) and done is None
    assert root.durable == ["b"]
    await commits.close()


async def test_a_flush_that_fails_fails_all_and_the_next_works(root: Root, commits: Commits) -> None:
    root.broken = True
    results = await asyncio.gather(*(commits.commit(Put(root, name)) for name in "ab"), return_exceptions=True)
    assert [str(result) for result in results] == ["away", "away"]
    root.broken = False
    await commits.commit(Put(root, "c"))
    assert "c" in root.durable
    await commits.close()


async def test_the_last_flush_is_confirmed(root: Root, commits: Commits) -> None:
    """Another process's flush, begun before, may store an older root after ours."""
    await commits.commit(Put(root, "a"))
    root.durable = []
    await commits.close()
    assert root.durable == ["a"]


async def test_a_cancelled_change_is_made_whole(root: Root, commits: Commits) -> None:
    task = asyncio.create_task(commits.commit(Put(root, "a")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert root.durable == ["a"]
    await commits.close()


async def test_nothing_that_comes_while_it_ends_is_forgotten(root: Root, commits: Commits) -> None:
    for n in range(30):
        await asyncio.wait_for(commits.commit(Put(root, str(n))), 5)
        commits._more.set()  # no idling: the confirmation runs at once
        await asyncio.sleep(0.0007 * n)
    assert len(root.durable) == 30
    await commits.close()
