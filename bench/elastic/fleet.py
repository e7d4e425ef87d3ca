"""Workers that come and go: processes, as many as wanted, the idle ones going first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx

from bench.counters import read
from bench.elastic.activities import Done
from bench.elastic.worker import arguments
from bench.servers.ports import free_ports
from bench.workers import Joined, joined


@dataclass
class _Member:
    opening: AbstractContextManager[Joined]
    url: str
    began: float
    joined: Joined | None = None
    running: int = 0


@dataclass
class Fleet:
    """`slots` for each worker. What they cost is counted from their start to their end, in seconds of a slot."""

    slots: int
    speed: float
    inits: Path
    environment: Mapping[str, str]
    slot_s: float = 0.0
    moving_s: float = 0.0
    """Of those seconds, the ones before a worker worked and after it was told to stop."""
    done: Done = field(default_factory=Done)
    most: int = 0
    _members: list[_Member] = field(default_factory=list)
    _moves: set[asyncio.Task[None]] = field(default_factory=set)
    _http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=5, trust_env=False))

    @property
    def size(self) -> int:
        """How many there are that have not been told to stop, those that are starting with them."""
        return len(self._members)

    def resize(self, number: int) -> None:
        """Have so many. New ones start meanwhile; of those that are too many, the idle ones are told to stop first."""
        for _ in range(number - self.size):
            member = self._member()
            self._members.append(member)
            self._do(self._start(member))
        self._members.sort(key=lambda each: -each.running)
        for member in self._members[number:]:
            if member.joined is not None:
                self._members.remove(member)
                self._do(self._stop(member))
        self.most = max(self.most, self.size)

    async def running(self) -> int:
        """How many passes they run, as they tell Prometheus."""
        known = [each for each in self._members if each.joined is not None]
        for member, count in zip(known, await asyncio.gather(*map(self._passes, known)), strict=True):
            member.running = count
        return sum(each.running for each in known)

    async def settled(self) -> None:
        """Wait until all that are starting and stopping have done so."""
        while self._moves:
            await asyncio.gather(*self._moves)

    async def close(self) -> None:
        """Stop all."""
        await self.settled()
        self.resize(0)
        await self.settled()
        await self._http.aclose()

    def _do(self, move: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(move)
        self._moves.add(task)
        task.add_done_callback(self._moves.discard)

    def _member(self) -> _Member:
        port = free_ports(1)[0]
        environment = {**self.environment, "GILFOYLE_METRICS__PORT": str(port)}
        opening = joined(arguments(self.slots, self.speed, self.inits), environment)
        return _Member(opening, f"http://127.0.0.1:{port}/metrics", time.monotonic())

    async def _start(self, member: _Member) -> None:
        member.joined = await asyncio.to_thread(member.opening.__enter__)
        self.moving_s += (time.monotonic() - member.began) * self.slots

    async def _stop(self, member: _Member) -> None:
        assert member.joined is not None
        told = time.monotonic()
        await asyncio.to_thread(member.opening.__exit__, None, None, None)
        self.moving_s += (time.monotonic() - told) * self.slots
        self.slot_s += (time.monotonic() - member.began) * self.slots
        did = Done(**member.joined.told())
        self.done = Done(**{name: value + getattr(did, name) for name, value in asdict(self.done).items()})

    async def _passes(self, member: _Member) -> int:
        try:
            told = (await self._http.get(member.url)).text
        except httpx.HTTPError:
            return member.running
        return int(read(told, ["gilfoyle_passes"]).total("gilfoyle_passes"))
