"""Plans: what starts first, and that every segment of every rendition is encoded exactly once."""

from __future__ import annotations

import itertools
from collections import Counter
from fractions import Fraction

import pytest

from gilfoyle.media.info import MediaInfo
from gilfoyle.media.plan import (
    CATCH_UP_PRIORITY,
    EARLY_PRIORITY,
    FIRST_PRIORITY,
    HEAD_PRIORITY,
    REST_PRIORITY,
    Plan,
    make_plan,
)
from gilfoyle.media.policy import EncodingPolicy, VideoRung
from tests.unit.media.infos import audio, media, video

POLICY = EncodingPolicy()
ALL, OTHERS, LOWEST = ["1080p", "720p", "480p", "360p"], ["1080p", "720p", "480p"], ["360p"]
NTSC = Fraction(30000, 1001)


def passes(plan: Plan) -> list[tuple[list[str], int, int, int]]:
    return [(each.renditions, each.first, each.count, each.priority) for each in plan.passes]


def test_the_lowest_goes_alone_through_the_head_then_all_share_a_decode_then_the_head_gets_the_others() -> None:
    """60 s are 15 segments; the head is 0.34 of them."""
    plan = make_plan(media(video(), audio()), POLICY)
    assert passes(plan) == [
        (["audio-128k"], 0, 1, FIRST_PRIORITY),
        (["audio-128k"], 1, 14, HEAD_PRIORITY),
        (LOWEST, 0, 1, FIRST_PRIORITY),
        (LOWEST, 1, 1, HEAD_PRIORITY),
        (LOWEST, 2, 2, HEAD_PRIORITY),
        (LOWEST, 4, 2, HEAD_PRIORITY),
        (ALL, 6, 4, EARLY_PRIORITY),
        (ALL, 10, 4, EARLY_PRIORITY),
        (ALL, 14, 1, EARLY_PRIORITY),
        (OTHERS, 0, 1, CATCH_UP_PRIORITY),
        (OTHERS, 1, 1, CATCH_UP_PRIORITY),
        (OTHERS, 2, 2, CATCH_UP_PRIORITY),
        (OTHERS, 4, 2, CATCH_UP_PRIORITY),
    ]


def test_far_passes_wait_for_the_beginnings_of_other_medias() -> None:
    plan = make_plan(media(video(end=Fraction(600))), POLICY)
    shared = [each for each in plan.passes if each.renditions == ALL]
    assert [each.priority for each in shared] == [REST_PRIORITY] * len(shared)
    shared = [each for each in make_plan(media(video()), POLICY).passes if each.renditions == ALL]
    assert {each.priority for each in shared} == {EARLY_PRIORITY}


def test_passes_of_seconds_are_short() -> None:
    """The lowest rendition's where it goes alone, four segments at most each, and ten minutes of audio."""
    plan = make_plan(media(video(end=Fraction(3600)), audio(end=Fraction(3600))), POLICY)
    for each in plan.passes:
        assert each.short == (each.renditions == LOWEST or (each.renditions == ["audio-128k"] and each.first <= 1))
    assert max(each.count for each in plan.passes if each.renditions == LOWEST) == 4
    assert max(each.count for each in plan.passes if each.renditions == ["audio-128k"]) == 150


def test_what_comes_later_of_the_audio_leaves_the_slots_to_the_lowest_rendition() -> None:
    """Without video, it has them; beyond its first minute by turns with short medias."""
    film, song = (
        media(video(end=Fraction(3600)), audio(end=Fraction(3600))),
        media(None, audio(end=Fraction(3600))),
    )
    parts = [
        (each.first, each.priority) for each in make_plan(film, POLICY).passes if each.renditions[0][:5] == "audio"
    ]
    assert parts[:2] == [(0, FIRST_PRIORITY), (1, HEAD_PRIORITY)]
    assert {priority for _, priority in parts[2:]} == {EARLY_PRIORITY}
    later = [each for each in make_plan(song, POLICY).passes if each.first]
    assert len(later) > 2 and all(each.short for each in later)
    assert {each.priority for each in later if each.first == 1} == {HEAD_PRIORITY}
    assert {each.priority for each in later if each.first > 1} == {EARLY_PRIORITY}


@pytest.mark.parametrize(("seconds", "short"), [(20, True), (21, False)])
def test_all_passes_of_a_short_media_are_short(seconds: int, short: bool) -> None:
    plan = make_plan(media(video(end=Fraction(seconds))), POLICY)
    assert {each.short for each in plan.passes if each.renditions != LOWEST} == {short}


def test_what_is_left_of_a_short_media_takes_turns_with_the_head_of_a_long_one() -> None:
    """Behind it, it would wait for minutes; before it, many short ones would keep who watches the long one waiting."""
    long = make_plan(media(video(end=Fraction(7200))), POLICY).passes
    short = make_plan(media(video(end=Fraction(10))), POLICY).passes
    head = [each for each in long if each.ahead]
    assert {each.priority for each in head if each.first >= 15} == {EARLY_PRIORITY}
    assert {each.priority for each in head if 0 < each.first < 15} == {HEAD_PRIORITY}
    assert {each.priority for each in short if not each.ahead} == {EARLY_PRIORITY}
    assert {each.short for each in [*head, *short]} == {True}


def test_a_single_rendition_is_never_split_in_two_sorts_of_passes() -> None:
    plan = make_plan(media(video(width=320, height=180, end=Fraction(120))), POLICY)
    assert [(first, count, priority) for _, first, count, priority in passes(plan)] == [
        (0, 1, FIRST_PRIORITY),
        (1, 1, HEAD_PRIORITY),
        (2, 2, HEAD_PRIORITY),
        (4, 2, HEAD_PRIORITY),
        (6, 4, HEAD_PRIORITY),
        (10, 4, HEAD_PRIORITY),
        (14, 4, HEAD_PRIORITY),
        (18, 4, EARLY_PRIORITY),
        (22, 8, REST_PRIORITY),
    ]


def test_without_a_head_only_the_first_chunk_is_alone() -> None:
    plan = make_plan(media(video()), POLICY.model_copy(update={"head": 0}))
    assert [each.first for each in plan.passes if each.renditions == LOWEST] == [0]


def test_with_a_head_of_all_the_lowest_is_always_alone() -> None:
    plan = make_plan(media(video()), POLICY.model_copy(update={"head": 1}))
    assert {tuple(each.renditions) for each in plan.passes} == {tuple(LOWEST), tuple(OTHERS)}


@pytest.mark.parametrize(
    ("height", "expected"),
    [
        (1080, [(LOWEST, 0, 15, FIRST_PRIORITY), (OTHERS, 0, 15, EARLY_PRIORITY)]),
        (180, [(["180p"], 0, 15, FIRST_PRIORITY)]),
    ],
)
def test_a_container_without_exact_seeks_is_one_chunk(height: int, expected: list[object]) -> None:
    source = video(width=height * 16 // 9, height=height)
    assert passes(make_plan(media(source, container="mpegts", exact_seek=False), POLICY)) == expected


def test_the_origin_is_the_videos_start() -> None:
    plan = make_plan(media(video(start=Fraction("1.4"), end=Fraction("61.4"))), POLICY)
    assert (plan.origin, plan.grid.frames, plan.video_frames) == (Fraction("1.4"), 1800, 1800)


@pytest.mark.parametrize(
    ("times", "origin", "frames", "video_frames"),
    [
        # Up to a twentieth of a second is muxing: the video decides.
        ({"end": Fraction("60.05")}, 0, 1800, 1800),
        ({"start": Fraction("-0.05")}, 0, 1800, 1800),
        # Or a packet, whose end may be padding.
        ({"end": Fraction("60.1"), "packet_s": Fraction("0.1")}, 0, 1800, 1800),
        ({"end": Fraction(62), "packet_s": Fraction(1)}, 0, 1860, 1800),
        ({"end": Fraction(10)}, 0, 1800, 1800),
        ({"start": Fraction(5)}, 0, 1800, 1800),
        # More is worth holding a frame for, before or behind.
        ({"end": Fraction(90)}, 0, 2700, 1800),
        ({"end": Fraction("60.2")}, 0, 1806, 1800),
        ({"start": Fraction("-0.1")}, Fraction("-0.1"), 1803, 1803),
        # By whole frames, so that all of it is heard.
        ({"end": Fraction("60.21")}, 0, 1807, 1800),
        ({"start": Fraction("-2.51")}, Fraction(-76, 30), 1876, 1876),
        ({"start": Fraction(-2), "end": Fraction(70)}, -2, 2160, 1860),
    ],
)
def test_audio_that_is_longer_than_the_video(
    times: dict[str, Fraction], origin: Fraction, frames: int, video_frames: int
) -> None:
    plan = make_plan(media(video(), audio(**times)), POLICY)
    assert (plan.origin, plan.grid.frames, plan.video_frames) == (origin, frames, video_frames)


def test_video_that_begins_late_stays_on_its_grid() -> None:
    source = video(frame_rate=NTSC, start=Fraction("4.0123"), end=Fraction("64"))
    plan = make_plan(media(source, audio(start=Fraction(0), end=Fraction(64))), POLICY)
    assert ((source.start - plan.origin) * NTSC).denominator == 1
    assert -1 / NTSC < plan.origin <= 0


def test_a_held_frame_is_cut_into_chunks_like_any_other() -> None:
    """So it is stored as it is made, and begun where it was left. 10 s of video under 60 s of audio."""
    held, moving = (make_plan(media(video(end=Fraction(end)), audio()), POLICY) for end in (10, 60))
    assert passes(held) == passes(moving)


def test_a_frame_that_is_held_for_hours_is_not_one_chunk_where_nothing_can_be_sought() -> None:
    """Ten minutes of it are read from the beginning of the source anew, not every half minute."""
    info = media(video(end=Fraction(10)), audio(end=Fraction(7200)), container="mpegts", exact_seek=False)
    plan = make_plan(info, POLICY)
    for names in (LOWEST, OTHERS):
        chunks = [(each.first, each.count) for each in plan.passes if each.renditions == names]
        assert chunks[:3] == [(0, 3), (3, 150), (153, 150)]
        assert sum(count for _, count in chunks) == plan.grid.segments


def test_audio_only_has_a_grid_of_aac_frames() -> None:
    plan = make_plan(media(None, audio(start=Fraction("0.025"), end=Fraction(60))), POLICY)
    assert plan.grid.rate == Fraction(48_000, 1024)
    assert plan.grid.frames == plan.audio_grid(plan.audio[0]).total_frames == 2812
    assert plan.origin == Fraction("0.025")
    assert (plan.video, plan.video_frames) == ([], 0)
    assert passes(plan) == [
        (["audio-128k"], 0, 1, FIRST_PRIORITY),
        (["audio-64k"], 0, 1, FIRST_PRIORITY),
        (["audio-128k"], 1, 14, HEAD_PRIORITY),
        (["audio-64k"], 1, 14, HEAD_PRIORITY),
    ]
    # Cut at the same AAC frames as the grid says, exactly.
    grid, cuts = plan.grid, plan.audio_grid(plan.audio[0])
    assert all(cuts.first_frame(index) == index * grid.segment_frames for index in range(grid.segments))


def test_one_frame_is_enough() -> None:
    plan = make_plan(media(video(end=Fraction(1, 1000))), POLICY)
    assert (plan.grid.frames, plan.grid.segments, plan.video_frames) == (1, 1, 1)


SOURCES: list[MediaInfo] = [
    media(video(frame_rate=rate, end=end), *audio_tracks, exact_seek=exact)
    for rate, end, audio_tracks, exact in itertools.product(
        [Fraction(1), Fraction(24000, 1001), Fraction(25), NTSC, Fraction(60), Fraction(17555, 997)],
        [Fraction(1, 100), Fraction(3), Fraction(4004, 1000), Fraction(59), Fraction(3601)],
        [(), (audio(),), (audio(start=Fraction(-7), end=Fraction(200)),)],
        [True, False],
    )
]
POLICIES = [
    POLICY,
    EncodingPolicy(head=0, chunk_s=4),
    EncodingPolicy(head=1, segment_gops=1, gop_s=0.5, chunk_s=30),
    EncodingPolicy(video=[VideoRung(height=16, max_kbps=50)], head=0.5),
]


@pytest.mark.parametrize("policy", POLICIES, ids=range(len(POLICIES)))
def test_every_segment_of_every_rendition_is_encoded_exactly_once(policy: EncodingPolicy) -> None:
    for source in SOURCES:
        plan = make_plan(source, policy)
        found = Counter(
            (name, segment)
            for each in plan.passes
            for name in each.renditions
            for segment in range(each.first, each.first + each.count)
        )
        names = [*(each.name for each in plan.video), *(each.name for each in plan.audio)]
        assert found == Counter((name, segment) for name in names for segment in range(plan.grid.segments))
        assert make_plan(source, policy) == plan
        assert 1 <= plan.video_frames <= plan.grid.frames


@pytest.mark.parametrize("policy", POLICIES, ids=range(len(POLICIES)))
def test_the_lowest_is_first_at_every_point_of_the_media(policy: EncodingPolicy) -> None:
    for source in SOURCES:
        plan = make_plan(source, policy)
        lowest = plan.video[-1].name
        video_passes = [each for each in plan.passes if each.renditions[0] not in {track.name for track in plan.audio}]
        assert video_passes[0].renditions == [lowest] and video_passes[0].first == 0
        starts = [each.first for each in video_passes if lowest in each.renditions]
        assert starts == sorted(starts)
        if source.exact_seek and plan.video_frames == plan.grid.frames:
            limit = max(policy.chunk_s * plan.grid.rate / plan.grid.segment_frames, 1)
            # One more, where the last segment has too few frames for a chunk of its own.
            assert all(each.count <= limit + 1 for each in video_passes)


def test_a_plan_survives_the_history() -> None:
    plan = make_plan(media(video(frame_rate=NTSC), audio()), POLICY)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("seconds", [3, 15, 600, 43_200])
def test_passes_never_mix_codecs(exact: bool, seconds: int) -> None:
    """Those of H.264 are what they are without the others, which come after them."""
    info = media(video(end=Fraction(seconds)), exact_seek=exact)
    more = [VideoRung(height=rung.height, max_kbps=rung.max_kbps, codec="av1") for rung in POLICY.video]
    alone = make_plan(info, POLICY)
    both = make_plan(info, POLICY.model_copy(update={"video": [*more, *POLICY.video]}))
    assert both.passes[: len(alone.passes)] == alone.passes
    later = both.passes[len(alone.passes) :]
    names = [f"{rendition.name}-av1" for rendition in alone.video]
    assert {tuple(each.renditions) for each in later} == {tuple(names)}
    assert [index for each in later for index in range(each.first, each.first + each.count)] == [
        *range(both.grid.segments)
    ]
    assert min(each.priority for each in later) > FIRST_PRIORITY
    # Few, since each is events of a history that has a limit.
    assert len(later) <= max(6, len(alone.passes) / 2)
    assert [each.name for each in both.leading] == [each.name for each in alone.video]
