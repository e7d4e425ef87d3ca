"""What short uploads spent their time on, and how much longer they took."""

from __future__ import annotations

from bench.fair.results import Fairness, Short, summary
from bench.fair.waiting import Shares, longest_wait, shares
from bench.history import Span


def span(name: str, scheduled: float, started: float, ended: float) -> Span:
    return Span(name, "", scheduled, started, ended)


def short(ready_s: float, *, is_ready: bool = True) -> Short:
    return Short(ready_s, is_ready, Shares(2, 1, 1) if is_ready else None, None)


def test_the_shares_are_all_of_the_time() -> None:
    steps = [
        span("probe", 0, 0, 1),
        span("encode_audio", 1, 1.5, 2),
        span("encode_video", 1, 1.5, 4),  # beside the audio
        span("encode_video", 4, 9, 12),  # waits alone
        span("package", 12, 12, 13),
    ]
    found = shares(steps, 14)
    assert found == Shares(encoding_s=5.5, waiting_s=5.5, other_s=3)
    assert found.encoding_s + found.waiting_s + found.other_s == 14


def test_a_pass_that_waits_while_another_runs_costs_nothing() -> None:
    steps = [span("encode_video", 0, 0, 10), span("encode_video", 0, 8, 12)]
    assert shares(steps, 12) == Shares(encoding_s=12, waiting_s=0, other_s=0)


def test_the_longest_wait_is_of_a_pass() -> None:
    waited = span("encode_video", 0, 5, 6)
    assert longest_wait([span("package", 0, 50, 51), span("encode_audio", 0, 1, 2), waited]) == waited
    assert longest_wait([]) is None


def test_ratios_are_to_the_median_of_the_idle_server() -> None:
    found = Fairness([short(9), short(10), short(30)], [short(20), short(35)], [span("encode_video", 0, 1, 61)])
    assert found.ratios == [2.0, 3.5]
    figures = summary(found)
    assert (figures["worst_ratio"], figures["median_ratio"], figures["idle_ready_s"]) == (3.5, 2.75, 10)
    assert (figures["unfinished"], figures["longest_pass_s"], figures["median_waiting_s"]) == (0, 60, 1)


def test_what_was_given_up_counts_with_the_time_that_it_had() -> None:
    figures = summary(Fairness([short(10)], [short(20), short(600, is_ready=False)], []))
    assert (figures["worst_ratio"], figures["unfinished"]) == (60, 1)
