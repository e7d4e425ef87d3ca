"""Whoever comes with many others is let through in order, a few at a time."""

from __future__ import annotations

import asyncio

import pytest

from gilfoyle.workflows import turnstile
from gilfoyle.workflows.turnstile import AT_ONCE, PAUSE_S, Turnstile


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.entered: list[tuple[int, float]] = []
        self._turnstile = Turnstile()
        monkeypatch.setattr(turnstile.workflow, "time", lambda: self.now)
        monkeypatch.setattr(turnstile.workflow, "sleep", self._sleep)

    async def _sleep(self, seconds: float, summary: str) -> None:
        await asyncio.sleep(0)
        self.now += seconds

    async def enter(self, number: int) -> None:
        await self._turnstile.enter()
        self.entered.append((number, round(self.now / PAUSE_S)))


async def test_many_at_once_go_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    await asyncio.gather(*map(clock.enter, range(20)))
    assert clock.entered == [(number, number // AT_ONCE) for number in range(20)]


async def test_one_after_another_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    for number in range(20):
        await clock.enter(number)
        clock.now += PAUSE_S
    assert clock.entered == [(number, number) for number in range(20)]
