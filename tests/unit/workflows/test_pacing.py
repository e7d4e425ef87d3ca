"""In which order passes start: on machines that are faster than playing, and on those that are not."""

from __future__ import annotations

import asyncio
from fractions import Fraction

import pytest

from gilfoyle.activities.transcode import Spent
from gilfoyle.media.info import MediaInfo
from gilfoyle.media.plan import FIRST_PRIORITY, Pass, Plan, make_plan
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.workflows import pacing
from gilfoyle.workflows.pacing import Pacing
from tests.unit.media.infos import audio, media, video

ALL, OTHERS, LOWEST, SOUND = ["1080p", "720p", "480p", "360p"], ["1080p", "720p", "480p"], ["360p"], ["audio-128k"]


class Machine:
    """Encodes with so many workers at a time; the lowest alone `speed` seconds of media a second."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, speed: float, workers: int) -> None:
        self.now, self.speed = 0.0, speed
        self.started: list[Pass] = []
        self.at_once = self.most_at_once = self.most_alone = 0
        self._alone = 0
        self._free = asyncio.Semaphore(workers)
        monkeypatch.setattr(pacing.workflow, "time", lambda: self.now)

    async def encode(self, chunk: Pass) -> Spent:
        waited = self._free.locked()
        self.at_once += 1
        self._alone += chunk.renditions == LOWEST
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.most_alone = max(self.most_alone, self._alone)
        async with self._free:
            self.started.append(chunk)
            await asyncio.sleep(0.001 if chunk.renditions == LOWEST else 0.01)
            if chunk.renditions == LOWEST:
                self.now += chunk.count * 4 / self.speed
        self.at_once -= 1
        self._alone -= chunk.renditions == LOWEST
        return Spent(waited_s=5 if waited else 0)

    async def run(self, seconds: int, **policy: float) -> Plan:
        """All passes of a film that plays so long, but those that its caller starts."""
        return await self.run_media(media(video(end=Fraction(seconds)), audio(end=Fraction(seconds))), **policy)

    async def run_media(self, info: MediaInfo, **policy: float) -> Plan:
        plan = make_plan(info, EncodingPolicy().model_copy(update=policy))
        made = Pacing(info, plan, plan.passes)
        self.now += 4 / self.speed  # the caller's first segment
        await made.run(self.encode)
        return plan

    def segments(self, *renditions: list[str]) -> list[int]:
        """What was encoded into just these, in the order in which it began."""
        return [
            index
            for each in self.started
            if each.renditions in renditions
            for index in range(each.first, each.first + each.count)
        ]


async def test_on_a_slow_machine_the_lowest_goes_ahead_through_the_head(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, speed=3, workers=1)
    await machine.run(60)
    assert machine.segments(LOWEST) == [1, 2, 3, 4, 5]
    assert machine.segments(ALL, OTHERS) == [*range(6, 15), *range(6)]


async def test_on_a_swift_one_all_go_together_after_the_first_three(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, speed=10, workers=1)
    await machine.run(600)
    assert machine.segments(LOWEST) == [1, 2, 3]
    assert machine.segments(ALL, OTHERS) == list(range(150))
    assert machine.segments(OTHERS) == [0, 1, 2, 3]


@pytest.mark.parametrize("speed", [3, 10])
@pytest.mark.parametrize("seconds", [1, 5, 20, 60, 3600])
@pytest.mark.parametrize("head", [0, 0.34, 1])
async def test_every_segment_of_every_rendition_is_encoded_once(
    speed: float, seconds: int, head: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(monkeypatch, speed, workers=2)
    plan = await machine.run(seconds, head=head)
    done = [*machine.started, *(each for each in plan.passes if each.priority == FIRST_PRIORITY)]
    for name in [*ALL, *SOUND]:
        found = [i for each in done if name in each.renditions for i in range(each.first, each.first + each.count)]
        assert sorted(found) == list(range(plan.segments(name)))


async def test_where_workers_wait_more_of_the_head_is_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = Machine(monkeypatch, 1, workers=1), Machine(monkeypatch, 1, workers=500)
    await few.run(1200, head=1)
    await many.run(1200, head=1)
    assert few.most_alone < 10 < many.most_alone


async def test_long_sound_is_handed_out_from_its_beginning_on(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = Machine(monkeypatch, 1, workers=2), Machine(monkeypatch, 1, workers=500)
    sound = media(None, audio(end=Fraction(12 * 3600)))
    plan = await few.run_media(sound)
    await many.run_media(sound)
    assert few.started == many.started == [each for each in plan.passes if each.priority != FIRST_PRIORITY]
    assert few.most_at_once < 10 and many.most_at_once > 40


async def test_the_sound_of_a_film_never_keeps_its_pictures_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """No two of its passes are out at a time: the second would be next, before any picture."""
    machine = Machine(monkeypatch, speed=10, workers=20)
    out: list[Pass] = []

    async def encode(chunk: Pass) -> Spent:
        if chunk.renditions == SOUND:
            assert not out
            out.append(chunk)
        spent = await machine.encode(chunk)
        if chunk.renditions == SOUND:
            out.remove(chunk)
        return spent

    info = media(video(end=Fraction(3600)), audio(end=Fraction(3600)))
    plan = make_plan(info, EncodingPolicy())
    await Pacing(info, plan, plan.passes).run(encode)
    assert machine.segments(SOUND) == list(range(1, 900))
