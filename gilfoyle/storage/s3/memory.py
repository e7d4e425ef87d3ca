"""What the uploads of one process may hold in memory, all together, and which of them goes on when it is short.

S3 takes parts of 5 MiB and more, so each upload gathers one before it is sent. As long as there is room, each takes
what arrives. When there is none, room for the rest of a part is promised to one upload after the other, so that parts
are finished and sent; the others wait, and their clients with them. First comes who will have its part soonest, by the
rate at which its bytes came so far, and who has waited longest: slow uploads hold up neither each other nor fast ones.
"""

from __future__ import annotations

import asyncio
import time

TURN_S = 10.0
"""An upload keeps a promise for so long at least (seconds)."""
_ALIKE = 4
"""Then it is taken back for another one that needs so many times less time for its part."""
_LOOK_S = 1.0


class Rate:
    """How fast the bytes of one upload come, measured while they are waited for."""

    def __init__(self) -> None:
        self._bytes = 0
        self._seconds = 0.0

    def note(self, count: int, seconds: float) -> None:
        self._bytes += count
        self._seconds += seconds

    def seconds_for(self, count: int) -> float:
        """Of an upload that has only begun, the best is expected."""
        return count * self._seconds / self._bytes if self._bytes else 0.0


class Memory:
    """At most `limit` bytes at a time, and never less than two parts of `part` bytes."""

    def __init__(self, limit: int, part: int) -> None:
        self._free = self.limit = max(limit, 2 * part)
        # While so much is left, each may take what it needs. The rest is for promises, of one part at least.
        self._reserve = max(part, self._free * 3 // 4)
        self._part = part
        self._promised: set[Claim] = set()
        self._waiting: list[Claim] = []
        self._looking: asyncio.TimerHandle | None = None

    def claim(self, size: int, rate: Rate) -> Claim:
        """For a part of `size` bytes, of which none is held yet.

        Only `part` of them count: an object of more than 100 GiB has larger ones, and needs the memory that they take.
        """
        return Claim(self, min(size, self._part), rate)

    @property
    def used(self) -> int:
        """Bytes that are held or promised."""
        return self.limit - self._free

    @property
    def short(self) -> bool:
        """Whether who needs some now has to wait for a promise."""
        return bool(self._waiting) or self._free <= self._reserve

    def _take(self, count: int) -> bool:
        if self._waiting or self._free - count < self._reserve:
            return False
        self._free -= count
        return True

    async def _wait(self, claim: Claim) -> None:
        """Until the rest of the claim's part is promised."""
        claim.granted = asyncio.get_running_loop().create_future()
        claim.since = time.monotonic()
        self._waiting.append(claim)
        self._grant()
        try:
            await claim.granted
        finally:
            if claim in self._waiting:
                self._waiting.remove(claim)
                self._grant()

    def _give(self, count: int) -> None:
        self._free += count
        self._grant()

    def _grant(self) -> None:
        """Promise what can be, to who is next: who would have its part first, had it begun when it began to wait."""
        while waiting := [one for one in self._waiting if not one.granted.done()]:  # some may just be cancelled
            claim = min(waiting, key=lambda one: one.since + one.seconds_left)
            if self._free >= claim.rest:
                self._promise(claim)
            elif not self._take_back(claim):
                self._look_later()
                break

    def _promise(self, claim: Claim) -> None:
        self._waiting.remove(claim)
        self._promised.add(claim)
        self._free -= claim.rest
        claim.promised = claim.rest
        claim.since = time.monotonic()
        claim.granted.set_result(None)

    def _look_later(self) -> None:
        """Turns end, and rates change."""

        def look() -> None:
            self._looking = None
            self._grant()

        if self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(_LOOK_S, look)

    def _take_back(self, claim: Claim) -> bool:
        """Take the promise of the slowest upload back for one that is much faster. What it holds, it keeps."""
        had_their_turn = (one for one in self._promised if time.monotonic() - one.since >= TURN_S)
        slowest = max(had_their_turn, key=lambda one: one.seconds_left, default=None)
        if slowest is None or slowest.seconds_left <= _ALIKE * max(claim.seconds_left, 1):
            return False
        promised = sum(one.promised for one in self._promised)
        if self._free + promised < self._part:
            return False  # what is held must leave room for a part, else none could be finished
        self._promised.remove(slowest)
        self._free += slowest.promised
        slowest.promised = 0
        return True


class Claim:
    """What one part of an upload holds."""

    def __init__(self, memory: Memory, size: int, rate: Rate) -> None:
        self._memory, self._size, self._rate = memory, size, rate
        self.held = 0
        self.promised = 0
        """Bytes that it may take although there is no room for all."""
        self.since = 0.0
        """When it began to wait, or got its promise."""
        self.granted: asyncio.Future[None]

    @property
    def rest(self) -> int:
        return self._size - self.held

    @property
    def seconds_left(self) -> float:
        """How long the part still takes to be filled, as it looks."""
        return self._rate.seconds_for(self.rest)

    def shrink(self, size: int) -> None:
        """Of a part that is cut earlier than it was to be; of no promise yet."""
        self._size = min(self._size, size)

    async def take(self, count: int) -> None:
        """Before `count` further bytes are held: wait until there is room for them."""
        count = min(count, self.rest)
        # Again, since a promise may have been taken back before this task could go on.
        while self.promised < count and not self._memory._take(count):
            await self._memory._wait(self)
        self.promised = max(0, self.promised - count)
        self.held += count

    def release(self) -> None:
        """The part was sent or given up. Harmless when repeated."""
        self._memory._promised.discard(self)
        held, self.held, self.promised = self.held + self.promised, 0, 0
        self._memory._give(held)
