from __future__ import annotations

import asyncio
from random import Random
from types import SimpleNamespace

import pytest

from gilfoyle.storage.s3.memory import Claim, Memory, Rate

PART = 100


def rate(bytes_a_second: float) -> Rate:
    made = Rate()
    made.note(1000, 1000 / bytes_a_second)
    return made


async def waiting(claim: Claim, count: int) -> asyncio.Task[None]:
    """Takes what there is no room for."""
    task = asyncio.create_task(claim.take(count))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not task.done()
    return task


async def settled(*tasks: asyncio.Task[None]) -> list[bool]:
    """Which of them have got what they wait for."""
    for _ in range(5):
        await asyncio.sleep(0)
    return [task.done() for task in tasks]


async def full(memory: Memory) -> list[Claim]:
    """Claims that hold all that can be taken without a promise."""
    claims = []
    while True:
        claim = memory.claim(PART, Rate())
        task = asyncio.create_task(claim.take(10))
        await settled(task)
        claims.append(claim)
        if claim.promised:
            claim.release()
            return claims[:-1]


async def test_what_has_room_is_taken_and_comes_back() -> None:
    memory = Memory(400, PART)
    claim = memory.claim(PART, Rate())
    for _ in range(10):
        await claim.take(10)
    assert (claim.held, memory.used) == (100, 100)
    claim.release()
    claim.release()
    assert memory.used == 0


async def test_when_it_is_short_the_rest_of_a_part_is_promised() -> None:
    memory = Memory(400, PART)
    claims = await full(memory)
    assert memory.used == 100
    await claims[0].take(10)
    assert (claims[0].promised, memory.used) == (80, 190)
    for claim in claims[1:3]:
        await claim.take(10)
    assert memory.used == 370
    last = await waiting(claims[3], 10)
    claims[0].release()
    assert await settled(last) == [True]


async def test_the_fast_come_first() -> None:
    memory = Memory(200, PART)
    (first, *_) = await full(memory)
    await first.take(10)
    slow = memory.claim(PART, rate(1))
    fast = memory.claim(PART, rate(1000))
    tasks = [await waiting(slow, 10), await waiting(fast, 10)]
    first.release()
    assert await settled(*tasks) == [False, True]
    fast.release()
    assert await settled(*tasks) == [True, True]


async def test_who_has_waited_longest_comes_first_among_the_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0
    monkeypatch.setattr("gilfoyle.storage.s3.memory.time", SimpleNamespace(monotonic=lambda: clock))
    memory = Memory(200, PART)
    (first, *_) = await full(memory)
    await first.take(10)
    slow = memory.claim(PART, rate(1))  # 100 s for its part
    tasks = [await waiting(slow, 10)]
    clock = 200.0
    tasks.append(await waiting(memory.claim(PART, rate(10)), 10))
    first.release()
    assert await settled(*tasks) == [True, False]


async def test_the_promise_of_a_slow_upload_is_taken_back_for_a_fast_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gilfoyle.storage.s3.memory._LOOK_S", 0.01)
    memory = Memory(400, PART)
    await full(memory)
    slow = [memory.claim(PART, rate(0.1)) for _ in range(3)]
    for claim in slow:
        await claim.take(10)
        assert claim.promised == 90
    fast = memory.claim(PART // 2, rate(1000))
    task = await waiting(fast, 10)  # each has its turn
    monkeypatch.setattr("gilfoyle.storage.s3.memory.TURN_S", 0)
    await task
    assert sorted(claim.promised for claim in slow) == [0, 90, 90]
    assert memory.used <= memory.limit
    (poor,) = [claim for claim in slow if not claim.promised]
    task = await waiting(poor, 10)
    fast.release()
    assert await settled(task) == [True]


async def test_the_alike_leave_each_other_their_promises() -> None:
    memory = Memory(400, PART)
    await full(memory)
    claims = [memory.claim(PART, rate(10)) for _ in range(4)]
    for claim in claims[:3]:
        await claim.take(10)
    task = await waiting(claims[3], 10)
    assert [claim.promised for claim in claims] == [90, 90, 90, 0]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_who_gives_up_waiting_leaves_room_to_others() -> None:
    memory = Memory(200, PART)
    (first, *_) = await full(memory)
    await first.take(10)
    gone = await waiting(memory.claim(PART, rate(1000)), 10)
    kept = await waiting(memory.claim(PART, rate(1)), 10)
    gone.cancel()
    first.release()
    assert await settled(kept) == [True]


async def test_who_is_cancelled_with_its_promise_gives_it_back() -> None:
    memory = Memory(200, PART)
    (first, *_) = await full(memory)
    await first.take(10)
    claim = memory.claim(PART, Rate())
    task = await waiting(claim, 10)
    first.release()
    task.cancel()  # in the very moment in which it is granted
    await asyncio.gather(task, return_exceptions=True)
    claim.release()
    assert memory.used == 40  # what `full` holds besides


async def test_larger_parts_than_the_memory_go_on_alone() -> None:
    memory = Memory(200, PART)
    claim = memory.claim(10 * PART, Rate())
    async with asyncio.timeout(1):
        for _ in range(100):
            await claim.take(10)
    assert memory.used == PART


@pytest.mark.parametrize("seed", range(20))
async def test_all_parts_are_finished_within_the_limit(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uploads of all rates, more of them than have room, some of which are given up."""
    monkeypatch.setattr("gilfoyle.storage.s3.memory.TURN_S", 0.001)
    monkeypatch.setattr("gilfoyle.storage.s3.memory._LOOK_S", 0.001)
    random = Random(seed)
    memory = Memory(random.choice([200, 300, 450, 1000]), PART)
    most = 0

    async def upload(speed: Rate) -> None:
        nonlocal most
        for _ in range(random.randint(1, 4)):
            claim = memory.claim(PART, speed)
            try:
                left = random.randint(1, PART)
                while left:
                    count = min(left, random.randint(1, 30))
                    await claim.take(count)
                    assert claim.held <= PART
                    left -= count
                    speed.note(count, random.random() * 10)
                    most = max(most, memory.used)
                    await asyncio.sleep(0)
                await asyncio.sleep(0)
            finally:
                claim.release()

    async with asyncio.timeout(20):
        tasks = [asyncio.create_task(upload(rate(10 ** random.uniform(-2, 3)))) for _ in range(60)]
        for task in random.sample(tasks, 10):
            await asyncio.sleep(0)
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)
    assert memory.used == 0
    assert most <= memory.limit
