"""In which order the passes of a media start, so that whoever watches from the first moment on never has to wait.

Three of the lowest rendition, alone, tell how fast the machine is. One that encodes everything faster than it plays
goes on with all renditions, from the beginning to the end. On a slower one the lowest goes on alone, through the head
of the media; what the others lack there comes last. Sound is encoded beside that, from its beginning to its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from temporalio import workflow

from gilfoyle.tasks import gather_or_cancel


class Window:
    """Of things in an order, those may begin that are less than `size` places behind the first that has not ended.

    So none is overtaken by more than that, though a queue may give what waits in it in any order.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._first = 0
        self._ended: set[int] = set()
        self._changed = asyncio.Condition()

    async def enter(self, place: int) -> None:
        """Wait until the thing at that place, counted from 0, may begin."""
        async with self._changed:
            await self._changed.wait_for(lambda: place < self._first + self._size)

    async def leave(self, place: int, *, widen: bool) -> None:
        """It has ended. `widen`: one more may be out from now on."""
        async with self._changed:
            self._ended.add(place)
            while self._first in self._ended:
                self._ended.remove(self._first)
                self._first += 1
            self._size += widen
            self._changed.notify_all()


with workflow.unsafe.imports_passed_through():
    from gilfoyle.activities.transcode import Spent
    from gilfoyle.media.info import MediaInfo
    from gilfoyle.media.pace import is_swift
    from gilfoyle.media.plan import FIRST_PRIORITY, Pass, Plan, shared_priority

Encode = Callable[[Pass], Coroutine[Any, Any, Spent | None]]

_TRIED = 3
# A queue may give equals in any order, so of the passes that keep ahead of a viewer only so many are out at a time.
_HEAD_IN_FLIGHT = 3
# Or more, for as long as one finds a worker within that time (seconds): then there are more workers than passes.
_AT_ONCE_S = 0.2


class Pacing:
    """The passes of one media; what makes it playable (FIRST_PRIORITY) is started before `run`, by the caller.

    To be made when that is.
    """

    def __init__(self, info: MediaInfo, plan: Plan, passes: Sequence[Pass]) -> None:
        self._info, self._plan = info, plan
        self._began = workflow.time()
        later = [each for each in passes if each.priority != FIRST_PRIORITY]
        self._sound = [each for each in later if plan.is_sound(each)]
        picture = [each for each in later if not plan.is_sound(each)]
        lowest = plan.video[-1].name if plan.video else ""
        self._alone = [each for each in picture if each.ahead]
        self._shared = [each for each in picture if lowest in each.renditions and not each.ahead]
        self._catch_up = [each for each in picture if lowest not in each.renditions]

    async def run(self, encode: Encode) -> None:
        """Start them all, and wait until they have ended. Raises what the first that fails raises."""
        await gather_or_cancel(self._sounds(encode), self._picture(encode))

    async def _sounds(self, encode: Encode) -> None:
        if self._plan.video:
            # Each is ten minutes, and goes before the pictures that share a decode: if a second one waited, none of
            # those would be next until the last sound of the film is encoded.
            for each in self._sound:
                await encode(each)
        else:
            # All at once, Temporal would hand out hour six before minute ten.
            await _in_turn(self._sound, encode)

    async def _picture(self, encode: Encode) -> None:
        tried, rest = self._alone[: _TRIED - 1], self._alone[_TRIED - 1 :]
        await gather_or_cancel(*map(encode, tried))
        if self._is_swift(tried):
            await gather_or_cancel(*map(encode, [*_joined(rest, self._catch_up), *self._shared]))
        else:
            await gather_or_cancel(*map(encode, self._shared), self._head_and_what_it_lacks(rest, encode))

    async def _head_and_what_it_lacks(self, head: Sequence[Pass], encode: Encode) -> None:
        await _in_turn(head, encode)
        await gather_or_cancel(*map(encode, self._catch_up))

    def _is_swift(self, tried: Sequence[Pass]) -> bool:
        if self._info.video is None or not self._plan.video:
            return False
        grid = self._plan.grid
        end = max((each.first + each.count for each in tried), default=1)
        elapsed = max(workflow.time() - self._began, 0.001)
        return is_swift(float(grid.segment_start(end)) / elapsed, self._info.video, self._plan.video)


async def _in_turn(chunks: Sequence[Pass], encode: Encode) -> None:
    window = Window(_HEAD_IN_FLIGHT)

    async def one(place: int, chunk: Pass) -> None:
        await window.enter(place)
        spent = await encode(chunk)
        await window.leave(place, widen=spent is not None and spent.waited_s < _AT_ONCE_S)

    await gather_or_cancel(*(one(place, chunk) for place, chunk in enumerate(chunks)))


def _joined(alone: Sequence[Pass], catch_up: Sequence[Pass]) -> list[Pass]:
    """The passes that the others lack, with the lowest rendition where it has not gone alone; what is stored, stays."""
    joined = []
    for each in catch_up:
        missing = [part for part in alone if each.first <= part.first < each.first + each.count]
        names = [*each.renditions, *(missing[0].renditions if missing else [])]
        joined.append(each.model_copy(update={"renditions": names, "priority": shared_priority(each.first)}))
    return joined or list(alone)
