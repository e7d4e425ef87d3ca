"""The order in which the passes of a media start, so that a viewer from the first moment on never has to wait.

Three passes of the lowest rendition alone measure the machine. If it encodes everything faster than it plays, all
renditions go on together from beginning to end. On a slower one the lowest goes on alone through the head of the media;
what the others lack there comes last. Audio is encoded beside that, from beginning to end. All this is about the codec
that makes the media playable; other codecs come after it, except those that other workers encode.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from temporalio import workflow

from gilfoyle.tasks import gather_or_cancel


class Window:
    """Lets ordered items begin that are less than `size` places behind the first that has not ended.

    So none is overtaken by more than that, although a queue may hand out its items in any order.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._first = 0
        self._ended: set[int] = set()
        self._changed = asyncio.Condition()

    async def enter(self, place: int) -> None:
        """Wait until the item at that place, counted from 0, may begin."""
        async with self._changed:
            await self._changed.wait_for(lambda: place < self._first + self._size)

    async def leave(self, place: int, *, widen: bool) -> None:
        """The item has ended. `widen`: one more may run from now on."""
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
    """Starts the passes of one media. The caller starts those that make it playable (FIRST_PRIORITY) before `run`.

    Create it at that moment.
    """

    def __init__(self, info: MediaInfo, plan: Plan, passes: Sequence[Pass], swift: bool | None = None) -> None:
        """`swift`: what an earlier run of the workflow has measured."""
        self._info, self._plan = info, plan
        self.swift = swift
        """The machine encodes everything faster than it plays; None: not known yet."""
        self._began = workflow.time()
        later = [each for each in passes if each.priority != FIRST_PRIORITY]
        self._audio = [each for each in later if plan.is_audio(each)]
        video = [each for each in later if not plan.is_audio(each)]
        lowest = plan.video[-1].name if plan.video else ""
        self._alone = [each for each in video if each.ahead]
        self._shared = [each for each in video if lowest in each.renditions and not each.ahead]
        leading = {each.name for each in plan.leading} if plan.video else set()
        lacking = [each for each in video if lowest not in each.renditions]
        self._catch_up = [each for each in lacking if leading & {*each.renditions}]
        others = [each for each in lacking if not leading & {*each.renditions}]
        here = plan.video[-1].capability if plan.video else ""
        self._other_codecs = [each for each in others if plan.capability(each) == here]
        # Other workers encode it, or what they have for it: nothing here waits for that.
        self._elsewhere = [each for each in others if plan.capability(each) != here]

    async def run(self, encode: Encode) -> None:
        """Start all passes, and wait until they have ended. Raises the first error."""
        video = self._one_codec_after_another(encode)
        await gather_or_cancel(self._encode_audio(encode), video, *map(encode, self._elsewhere))

    async def _encode_audio(self, encode: Encode) -> None:
        if self._plan.video:
            # Each is ten minutes, and goes before the video that shares a decode: if a second one waited, none of
            # those would be next until the last audio pass of the film has ended.
            for each in self._audio:
                await encode(each)
        else:
            # All at once, Temporal would hand out hour six before minute ten.
            await _in_turn(self._audio, encode)

    async def _encode_video(self, encode: Encode) -> None:
        tried, rest = self._alone[: _TRIED - 1], self._alone[_TRIED - 1 :]
        await gather_or_cancel(*map(encode, tried))
        if self.swift is None:
            self.swift = self._is_swift(tried)
        if self.swift:
            await gather_or_cancel(*map(encode, [*_joined(rest, self._catch_up), *self._shared]))
        else:
            await gather_or_cancel(*map(encode, self._shared), self._head_and_what_it_lacks(rest, encode))

    async def _head_and_what_it_lacks(self, head: Sequence[Pass], encode: Encode) -> None:
        await _in_turn(head, encode)
        await gather_or_cancel(*map(encode, self._catch_up))

    async def _one_codec_after_another(self, encode: Encode) -> None:
        """Start each codec when the one before is complete: a queue would mix passes of equal priority."""
        await self._encode_video(encode)
        for _, passes in itertools.groupby(self._other_codecs, key=lambda each: each.renditions):
            await gather_or_cancel(*map(encode, passes))

    def _is_swift(self, tried: Sequence[Pass]) -> bool:
        if self._info.video is None or not self._plan.video:
            return False
        grid = self._plan.grid
        end = max((each.first + each.count for each in tried), default=1)
        elapsed = max(workflow.time() - self._began, 0.001)
        return is_swift(float(grid.segment_start(end)) / elapsed, self._info.video, self._plan.leading)


async def _in_turn(chunks: Sequence[Pass], encode: Encode) -> None:
    window = Window(_HEAD_IN_FLIGHT)

    async def one(place: int, chunk: Pass) -> None:
        await window.enter(place)
        spent = await encode(chunk)
        await window.leave(place, widen=spent is not None and spent.waited_s < _AT_ONCE_S)

    await gather_or_cancel(*(one(place, chunk) for place, chunk in enumerate(chunks)))


def _joined(alone: Sequence[Pass], catch_up: Sequence[Pass]) -> list[Pass]:
    """The passes that the others lack, with the lowest rendition where it did not go alone; stored segments stay."""
    joined = []
    for each in catch_up:
        missing = [part for part in alone if each.first <= part.first < each.first + each.count]
        names = [*each.renditions, *(missing[0].renditions if missing else [])]
        joined.append(each.model_copy(update={"renditions": names, "priority": shared_priority(each.first)}))
    return joined or list(alone)
