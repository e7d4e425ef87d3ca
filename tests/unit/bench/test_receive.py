"""The figures of `bench uploads`."""

from __future__ import annotations

from bench.receive.results import AIMS, Crowd, Found, Rates, Round, Took, summary


def test_the_figures() -> None:
    rounds = [
        Round(Took(2.0, 1.0), Took(4.0, 1.0), Took(1.0, 0.5), 0.5),
        Round(Took(1.0, 1.0), Took(1.0, 1.0), Took(0.5, 0.8), 0.3),
        Round(Took(4.0, 2.0), Took(2.0, 1.0), Took(2.0, 1.0), 1.0),
    ]
    rates = Rates.of(rounds, 100_000_000)
    assert (rates.put, rates.tus, rates.nginx, rates.nginx_synced) == (50, 50, 100, 66.7)
    found = Found(100_000_000, rates, {10: 150.0, 1024: 151.26}, Crowd(200, 1, 5, 4, 5, 200))
    assert summary(found) == {
        "upload_ratio": 0.75,
        "tus_ratio": 0.8,
        "upload_unsynced_ratio": 0.5,
        "upload_cpu_ratio": 0.5,
        "memory_growth_mb": 1.3,
        "at_once_failed": 1,
    }
    assert set(AIMS) <= set(summary(found))
