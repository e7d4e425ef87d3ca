"""Nothing is overtaken by more than the window's size."""

from __future__ import annotations

import asyncio

from gilfoyle.workflows.pacing import Window


async def began(window: Window, places: range) -> tuple[list[int], list[asyncio.Task[None]]]:
    found: list[int] = []

    async def enter(place: int) -> None:
        await window.enter(place)
        found.append(place)

    tasks = [asyncio.create_task(enter(place)) for place in places]
    await asyncio.sleep(0.01)
    return found, tasks


async def test_the_first_that_has_not_ended_holds_the_others() -> None:
    window = Window(3)
    found, tasks = await began(window, range(10))
    assert found == [0, 1, 2]
    for place in (1, 2):
        await window.leave(place, widen=False)
    await asyncio.sleep(0.01)
    assert found == [0, 1, 2]
    await window.leave(0, widen=False)
    await asyncio.sleep(0.01)
    assert found == [0, 1, 2, 3, 4, 5]
    for task in tasks:
        task.cancel()


async def test_it_widens() -> None:
    window = Window(3)
    found, tasks = await began(window, range(10))
    await window.leave(0, widen=True)
    await asyncio.sleep(0.01)
    assert found == [0, 1, 2, 3, 4]
    for task in tasks:
        task.cancel()
