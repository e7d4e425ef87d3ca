"""Two workers against one."""

from __future__ import annotations

from bench.scale.results import Pair, Scaled, summary


def scaled(workers: int, wall_s: float, servers: float | None = 2) -> Scaled:
    return Scaled(workers, wall_s, [10.0] * workers, {"API": 1.0, "Temporal": servers})


def test_the_speed_up_is_taken_within_each_pair() -> None:
    pairs = [
        Pair(scaled(1, 100), scaled(2, 50)),
        Pair(scaled(1, 300), scaled(2, 200)),
        Pair(scaled(1, 95), scaled(2, 50)),
    ]
    found = summary(pairs)
    assert (found["speedup_2"], found["wall_1_s"], found["wall_2_s"]) == (1.9, 100, 50)
    assert found["servers_cpu_s_2"] == 3


def test_a_cpu_time_that_is_not_known_stays_unknown() -> None:
    assert summary([Pair(scaled(1, 2, None), scaled(2, 1))])["servers_cpu_s_1"] is None
