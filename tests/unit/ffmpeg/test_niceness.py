"""Which passes give way on a machine: who waits for a frame is never kept by what has time."""

from __future__ import annotations

from fractions import Fraction

from gilfoyle.activities.transcode import niceness
from gilfoyle.media.plan import FIRST_PRIORITY, HEAD_PRIORITY, Pass, make_plan
from gilfoyle.media.policy import EncodingPolicy
from tests.unit.media.infos import audio, media, video


def passes(seconds: int) -> list[tuple[Pass, int]]:
    plan = make_plan(media(video(end=Fraction(seconds)), audio(end=Fraction(seconds))), EncodingPolicy())
    return [(each, niceness(each, is_audio=plan.is_audio(each))) for each in plan.passes]


def test_nothing_of_a_short_media_gives_way() -> None:
    assert {nice for _, nice in passes(10)} == {0}


def test_of_a_long_one_all_gives_way_but_its_first_minute() -> None:
    found = passes(7200)
    prompt = [each for each, nice in found if nice == 0]
    assert {each.priority for each in prompt} == {FIRST_PRIORITY, HEAD_PRIORITY}
    assert max(each.first for each in prompt) < 15
    head = {nice for each, nice in found if each.ahead and each.first >= 15}
    long = {nice for each, nice in found if len(each.renditions) > 1}
    later = {nice for each, nice in found if each.renditions == ["audio-128k"] and each.first}
    assert len(head) == len(long) == 1 and 0 < head.pop() < long.pop()
    assert 0 not in later
