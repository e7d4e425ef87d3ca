"""The simulated fleet: its costs, its cores, and why slots were idle."""

from __future__ import annotations

import asyncio

import pytest

from bench.fleet.activities import Busy, Speeds
from bench.fleet.case import Fleet
from bench.fleet.cores import Cores
from bench.fleet.costs import cost_s
from bench.fleet.idle import Idle, idle
from bench.fleet.results import Case, summary
from bench.history import Span
from gilfoyle.media.plan import make_plan
from gilfoyle.media.policy import EncodingPolicy
from tests.unit.media.infos import audio, media, video

PLAN = make_plan(media(video(width=1920, height=1080), audio()), EncodingPolicy())


USUAL = Idle(0.3, 0.1)


def encode(scheduled: float, started: float, ended: float) -> Span:
    return Span("encode_video", "", scheduled, started, ended)


def case(load: str, slots: int, busy_s: float, idle_: Idle = USUAL, cpu_s: float = 1) -> Case:
    return Case(load, slots, 2, 1, 10, Busy(busy_s, 3), idle_, {"Temporal": cpu_s}, 2)


def test_a_pass_costs_its_decode_and_each_of_its_renditions() -> None:
    alone = next(chunk for chunk in PLAN.passes if chunk.renditions == ["360p"])
    together = alone.model_copy(update={"renditions": ["1080p", "720p", "480p", "360p"]})
    beside = alone.model_copy(update={"renditions": ["audio-128k"]})
    costs = [cost_s(PLAN, chunk, "a") for chunk in (beside, alone, together)]
    assert costs == sorted(costs)
    assert costs[2] > 3 * costs[1]
    assert cost_s(PLAN, alone, "a") == costs[1]
    assert cost_s(PLAN, alone, "b") != costs[1]


def test_av1_costs_what_h264_of_its_size_does() -> None:
    alone = next(chunk for chunk in PLAN.passes if chunk.renditions == ["360p"])
    assert cost_s(PLAN, alone.model_copy(update={"renditions": ["360p-av1"]}), "a") == cost_s(PLAN, alone, "a")


def test_the_passes_that_tell_how_fast_a_machine_is_have_a_speed_of_their_own() -> None:
    speeds = Speeds(usual=100, early=2)
    judged = [chunk for chunk in PLAN.passes if speeds.of(chunk) == 2]
    assert judged and all(chunk.renditions == ["360p"] and 0 < chunk.first < 15 for chunk in judged)
    assert len(judged) < len(PLAN.passes)


def test_the_speed_lets_the_fleet_work_long_enough_and_is_never_below_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    fleet = Fleet(slots=10, least_s=40, speed=None, inits=None)  # type: ignore[arg-type]
    assert fleet.speed_for(4000, 1) == 10
    assert fleet.speed_for(40, 1) == 1
    # 500 medias cost this machine minutes besides, however short the passes are.
    assert fleet.speed_for(4000, 500) < 4
    assert Fleet(10, 40, 7, None).speed_for(4000, 1) == 7  # type: ignore[arg-type]


def test_idle_slots_are_told_apart() -> None:
    # Of two slots for 10 s: from 0 to 1 none has work, though two passes wait; then one runs until 5, one until 10.
    found = idle([encode(0, 1, 5), encode(0, 1, 10)], 2, 0, 10)
    assert found == Idle(nothing_to_do=0.25, handing_out=0.1)


def test_a_full_queue_is_not_to_blame_while_all_slots_are_busy() -> None:
    assert idle([encode(0, 0, 10), encode(0, 10, 20)], 1, 0, 20) == Idle(0, 0)


def test_the_efficiency_of_a_fleet_is_that_of_its_worse_load() -> None:
    found = summary([case("long", 10, 95), case("short", 10, 70), case("long", 50, 480)])
    assert (found["efficiency_10"], found["efficiency_50"]) == (0.7, 0.96)
    assert found["efficiency_10_long"] == 0.95
    assert found["limit_10"] == "short: passes to do"


def test_the_limit_is_named() -> None:
    assert case("long", 10, 95).limit == "–"
    assert case("long", 10, 50, Idle(0.1, 0.4)).limit == "handing out"
    assert case("long", 10, 50, cpu_s=16).limit == "this machine's cores"


async def test_passes_on_cores_give_way_as_they_are_nice() -> None:
    cores, order = Cores(1), []

    async def work(name: str, nice: int) -> None:
        async with cores.one(nice):
            order.append(name)
            await asyncio.sleep(0)

    async with cores.one(0):
        waiting = [asyncio.create_task(work(*item)) for item in (("a", 10), ("b", 10), ("c", 0), ("d", 5), ("e", 0))]
        await asyncio.sleep(0)
        assert order == []
    await asyncio.gather(*waiting)
    assert order == ["c", "e", "d", "a", "b"]


async def test_a_core_that_nobody_waits_for_any_more_goes_to_the_next() -> None:
    cores = Cores(1)

    async def take() -> bool:
        async with cores.one(0):
            return True

    async with cores.one(0):
        given_up, patient = asyncio.create_task(take()), asyncio.create_task(take())
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.sleep(0)
    assert await asyncio.wait_for(patient, 5)
    assert await asyncio.wait_for(take(), 5)
