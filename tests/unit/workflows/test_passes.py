"""How many passes are out at a time, and which never wait behind others."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from functools import partial
from uuid import UUID

import pytest

from gilfoyle.activities.transcode import Spent
from gilfoyle.media.plan import FIRST_PRIORITY, Pass, make_plan
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.temporal.messages import ProcessMediaInput
from gilfoyle.workflows import throttle
from gilfoyle.workflows.passes import Passes, Ranges
from tests.unit.media.infos import audio, media, video

IN_FLIGHT = 2


class Waiting(Passes):
    """Its passes never end. `out`: those that were handed out."""

    def __init__(self) -> None:
        policy = EncodingPolicy().model_copy(update={"passes_in_flight": IN_FLIGHT})
        info = media(video(end=Fraction(7200)), audio(end=Fraction(7200)))
        self.plan = make_plan(info, policy)
        self.out: list[Pass] = []
        job = ProcessMediaInput(media_id=UUID(int=1), kind="video", source_bytes=1, policy=policy)
        super().__init__(job, info, self.plan, lambda: None)

    def _is_to_drain(self) -> bool:
        return False

    async def _transcode(self, chunk: Pass) -> Spent | None:
        self.out.append(chunk)
        await asyncio.Event().wait()
        return None


async def test_what_is_paced_never_waits_behind_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle.workflow, "time", lambda: 0.0)
    monkeypatch.setattr(throttle, "_moment", partial(asyncio.sleep, 0))
    waiting = Waiting()
    shared = [each for each in waiting.plan.passes if each.priority != FIRST_PRIORITY and len(each.renditions) > 1]
    head = next(each for each in waiting.plan.passes if each.ahead and each.priority != FIRST_PRIORITY)
    audio_pass = [each for each in waiting.plan.passes if each.renditions == ["audio-128k"]][-1]
    tasks = [*waiting.start(shared), *waiting.start([head, audio_pass])]
    await asyncio.sleep(0.01)
    assert [each for each in waiting.out if each in shared] == shared[:IN_FLIGHT]
    assert [each for each in waiting.out if each not in shared] == [head, audio_pass]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_audio_and_video_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle.workflow, "time", lambda: 0.0)
    monkeypatch.setattr(throttle, "_moment", asyncio.Event().wait)
    waiting = Waiting()
    later = [each for each in waiting.plan.passes if each.priority != FIRST_PRIORITY]
    heads = [each for each in later if each.ahead][:2]
    audio_pass = next(each for each in later if waiting.plan.is_audio(each))
    tasks = waiting.start([*heads, audio_pass])
    await asyncio.sleep(0.01)
    assert waiting.out == [heads[0], audio_pass]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([(0, 2), (4, 6)], [(0, 2), (4, 6)]),
        ([(4, 6), (0, 2), (2, 4)], [(0, 6)]),
        ([(0, 4), (1, 2)], [(0, 4)]),
        ([(1, 2), (5, 6), (8, 9), (0, 7)], [(0, 7), (8, 9)]),
    ],
)
def test_ranges_are_joined_where_they_touch(ranges: list[tuple[int, int]], expected: list[tuple[int, int]]) -> None:
    joined = Ranges()
    for each in ranges:
        joined.add(*each)
    assert list(joined) == expected
    assert all(each in joined for each in ranges)
    assert (0, 10) not in joined
