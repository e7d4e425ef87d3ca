"""The figures of `bench api`."""

from __future__ import annotations

from bench.api.results import AIMS, SEARCHES, Found, Ratio, p99, summary


def test_the_figures() -> None:
    get = Ratio.of([(30, 20), (28, 14), (10, 20)])
    assert (get.ours_us, get.other_us, get.ratio) == (28, 20, 1.5)
    found = Found(100_000, get, Ratio.of([(5, 4)]), {name: [1.0] * 98 + [7.123, 50] for name in SEARCHES})
    assert summary(found) == {
        "get_ratio": 1.5,
        "list_100k_over_1k": 1.25,
        "search_p99_ms": 7.12,
        "tag_p99_ms": 7.12,
        "metadata_p99_ms": 7.12,
    }
    assert set(summary(found)) == set(AIMS)


def test_p99_of_a_hundred_is_the_last_but_one() -> None:
    assert p99([float(n) for n in range(100)]) == 98
    assert p99([3.0]) == 3
    assert all(len(queries) == 100 for queries in SEARCHES.values())
