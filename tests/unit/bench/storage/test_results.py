"""Ratios, their medians, and the memory of the hungriest."""

from __future__ import annotations

from bench.storage.results import BACKENDS, Measured, Pair, summary
from tests.unit.bench.storage.figures import backend, pair


def test_a_ratio_is_our_throughput_over_the_bare_tools() -> None:
    found = summary({"s3": backend(pair(put=(2, 1), get=(1, 4)), segments=pair(put=(1, 3), get=(5, 1)))})
    assert (found["s3_put_ratio"], found["s3_get_ratio"]) == (0.5, 4)
    assert (found["s3_put_segments_ratio"], found["s3_get_segments_ratio"]) == (3, 0.2)


def test_ratios_are_taken_within_each_pair_before_their_median() -> None:
    # The machine was ten times as slow during the second pair: that is no reason for another ratio.
    pairs = [pair(put=(1, 0.9)), pair(put=(10, 9)), pair(put=(1, 3))]
    assert summary({"ipfs": backend(*pairs)})["ipfs_put_ratio"] == 0.9


def test_files_are_read_from_the_disk_and_from_the_cache() -> None:
    files = Pair(Measured(1, 2, 50, get_cached_s=0.5), Measured(1, 1, 50, get_cached_s=0.25))
    found = summary({"filesystem": backend(files)})
    assert (found["filesystem_get_ratio"], found["filesystem_get_cached_ratio"]) == (0.5, 0.5)


def test_memory_is_the_most_of_our_side_over_all_backends() -> None:
    found = summary(
        {
            "filesystem": backend(pair(peak_mb=40), pair(peak_mb=70), small_mb=45),
            "s3": backend(pair(peak_mb=60), small_mb=55),
        }
    )
    assert (found["peak_rss_mb_1gib"], found["peak_rss_mb_16mib"]) == (70, 55)


def test_what_was_not_measured_is_none_and_never_left_out() -> None:
    found = summary({"filesystem": backend()})
    assert found["filesystem_put_ratio"] == 0.5
    expected = {f"{name}_{action}_{ratio}" for name in BACKENDS for action in ("put", "get") for ratio in RATIOS}
    expected |= {f"filesystem_get_cached_{ratio}" for ratio in RATIOS}
    assert found.keys() == expected | {"peak_rss_mb_1gib", "peak_rss_mb_16mib"}
    measured = {f"filesystem_{action}_{ratio}" for action in ("put", "get") for ratio in RATIOS}
    assert {name for name, value in found.items() if value is None} == expected - measured
    assert set(summary({}).values()) == {None}


RATIOS = ("ratio", "segments_ratio")
