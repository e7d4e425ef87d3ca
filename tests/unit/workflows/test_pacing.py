"""In which order passes start: on machines that are faster than playing, and on those that are not."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import Any

import pytest

from gilfoyle.activities.transcode import Spent
from gilfoyle.media.info import MediaInfo
from gilfoyle.media.plan import FIRST_PRIORITY, Pass, Plan, make_plan
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.workflows import pacing
from gilfoyle.workflows.pacing import Pacing
from tests.unit.media.infos import audio, media, video

ALL, OTHERS, LOWEST, AUDIO = ["1080p", "720p", "480p", "360p"], ["1080p", "720p", "480p"], ["360p"], ["audio-128k"]


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

    async def run_media(self, info: MediaInfo, **policy: Any) -> Plan:
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
    for name in [*ALL, *AUDIO]:
        found = [i for each in done if name in each.renditions for i in range(each.first, each.first + each.count)]
        assert sorted(found) == list(range(plan.segments(name)))


@pytest.mark.parametrize("speed", [3, 10])
@pytest.mark.parametrize("seconds", [5, 60, 600])
async def test_other_codecs_come_after_what_makes_a_media_playable(
    speed: float, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is encoded in H.264, and in which order, is what it is without them; each codec is whole before the next."""
    info = media(video(end=Fraction(seconds)), audio(end=Fraction(seconds)))
    alone = Machine(monkeypatch, speed, workers=1)
    await alone.run_media(info)
    both = Machine(monkeypatch, speed, workers=1)
    more = [rung.model_copy(update={"codec": codec}) for codec in ("av1", "hevc") for rung in EncodingPolicy().video]
    plan = await both.run_media(info, video=[*EncodingPolicy().video, *more])
    rest = [each for each in both.started if any("-" in name for name in each.renditions) and each.renditions != AUDIO]
    first = [each for each in both.started if each not in rest]
    assert first == alone.started
    assert [each for each in both.started[-len(rest) :] if each.renditions != AUDIO] == rest
    codecs = [each.renditions[0].partition("-")[2] for each in rest]
    assert codecs == sorted(codecs, reverse=True)
    for codec in ("av1", "hevc"):
        names = [f"{name}-{codec}" for name in ALL]
        found = [i for each in rest if each.renditions == names for i in range(each.first, each.first + each.count)]
        assert found == list(range(plan.grid.segments)), codec


async def test_what_a_card_encodes_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    more = [rung.model_copy(update={"codec": codec}) for codec in ("av1", "hevc") for rung in EncodingPolicy().video]
    machine = Machine(monkeypatch, speed=3, workers=1)
    both: dict[str, Any] = {"video": [*EncodingPolicy().video, *more], "encoders": {"av1": "nvenc"}}
    plan = await machine.run_media(media(video(), audio()), **both)
    first, card = machine.started.index, [each for each in machine.started if plan.capability(each) == "nvenc"]
    assert {each.renditions[0] for each in card} == {"1080p-av1"} and len(card) > 3
    head = [each for each in machine.started if each.ahead]
    assert max(map(first, card)) < first(head[-1])
    assert first(head[-1]) < min(first(each) for each in machine.started if each.renditions[0] == "1080p-hevc")


async def test_where_workers_wait_more_of_the_head_is_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = Machine(monkeypatch, 1, workers=1), Machine(monkeypatch, 1, workers=500)
    await few.run(1200, head=1)
    await many.run(1200, head=1)
    assert few.most_alone < 10 < many.most_alone


async def test_long_audio_is_handed_out_from_its_beginning_on(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = Machine(monkeypatch, 1, workers=2), Machine(monkeypatch, 1, workers=500)
    audio_only = media(None, audio(end=Fraction(12 * 3600)))
    plan = await few.run_media(audio_only)
    await many.run_media(audio_only)
    assert few.started == many.started == [each for each in plan.passes if each.priority != FIRST_PRIORITY]
    assert few.most_at_once < 10 and many.most_at_once > 40


async def test_the_audio_of_a_film_never_keeps_its_frames_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """No two of its passes are out at a time: the second would be next, before any frame."""
    machine = Machine(monkeypatch, speed=10, workers=20)
    out: list[Pass] = []

    async def encode(chunk: Pass) -> Spent:
        if chunk.renditions == AUDIO:
            assert not out
            out.append(chunk)
        spent = await machine.encode(chunk)
        if chunk.renditions == AUDIO:
            out.remove(chunk)
        return spent

    info = media(video(end=Fraction(3600)), audio(end=Fraction(3600)))
    plan = make_plan(info, EncodingPolicy())
    await Pacing(info, plan, plan.passes).run(encode)
    assert machine.segments(AUDIO) == list(range(1, 900))
