"""Whoever comes with many others is let through in order, a few at a time."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from gilfoyle.workflows import throttle
from gilfoyle.workflows.throttle import AT_ONCE, Throttle


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.entered: list[tuple[int, float]] = []
        self._throttle = Throttle()
        monkeypatch.setattr(throttle.workflow, "time", lambda: self.now)
        monkeypatch.setattr(throttle, "_moment", self._moment)

    async def _moment(self) -> None:
        await asyncio.sleep(0)
        self.now += 1

    async def enter(self, number: int) -> None:
        await self._throttle.enter()
        self.entered.append((number, round(self.now)))


async def test_many_at_once_go_one_by_one_at_first_and_then_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    await asyncio.gather(*map(clock.enter, range(200)))
    assert [number for number, _ in clock.entered] == list(range(200))
    together = Counter(moment for _, moment in clock.entered)
    assert [together[moment] for moment in range(7)] == [1] * 7
    assert [together[moment] for moment in range(7, 11)] == [2] * 4
    assert max(together.values()) == AT_ONCE
    assert len(together) < 50


async def test_one_after_another_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    for number in range(20):
        await clock.enter(number)
        clock.now += 1
    assert clock.entered == [(number, number) for number in range(20)]
