"""The other commands as a whole, each on as little as shows that it works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.scale.run import cores
from bench.servers import seaweed
from gilfoyle.errors import StartupError
from tests.integration.bench.commands import ROOT, bench, refusal
from tests.sources import numbered


@pytest.mark.slow
def test_short_uploads_beside_a_long_one() -> None:
    found = bench("fair", "--long", "60", "--short", "4", "--shorts", "2", "--at-once")
    assert found["idle_ready_s"] > 0 and found["worst_ratio"] >= found["median_ratio"] > 0
    assert len(found["ratios"]) == 2
    for short in found["beside"]:
        assert short["is_ready"]
        assert sum(short["shares"].values()) == pytest.approx(short["ready_s"], abs=1)


@pytest.mark.slow
def test_a_simulated_fleet() -> None:
    found = bench("fleet", "--slots", "3", "--long", "60", "--shorts", "3", "--seconds", "3")
    assert 0 < found["efficiency_3"] <= 1
    assert {case["load"]: case["medias"] for case in found["cases"]} == {"long": 1, "short": 3}
    for case in found["cases"]:
        # Every pass of the real plan was handed out, and was worth its time.
        assert case["busy"]["passes"] >= 5 * case["medias"]
        assert case["busy"]["busy_s"] <= 3 * case["makespan_s"]
        assert case["idle"]["nothing_to_do"] + case["idle"]["handing_out"] < 1


@pytest.mark.slow
@pytest.mark.skipif(seaweed.binary() is None, reason="there is no SeaweedFS")
def test_what_workers_ask_of_their_servers() -> None:
    found = bench(
        "capacity", "--workers", "5", "--films", "1", "--film", "120", "--speed", "1", "--real", "0",
        "--idle", "6", "--loaded", "8", "--fill", "20",
    )  # fmt: skip
    # Each has one poll at each of its three queues, and is one of those whom Temporal knows there.
    assert found["open_polls"] >= 3 * 5 and found["temporal_connections"] >= 5
    idle, loaded = found["found"]["idle"], found["found"]["loaded"]
    assert [idle["pollers"][queue] for queue in ("transcode", "first", "verify")] == [5, 5, 5]
    assert idle["passes"]["running"] == 0 and found["passes_running"] > 0
    assert loaded["requests"]["frontend"]["RecordActivityTaskHeartbeat"] > 0 and loaded["storage"]["PUT"] > 0
    # Workers that encode have no connection to PostgreSQL, light ones have.
    assert not any(name.startswith("host") for name in loaded["database_connections"])
    assert loaded["database_connections"]["pipeline-0"] > 0
    assert (found["passes_failed"], found["outside"]) == (0, 0)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux" or (os.cpu_count() or 1) < 2, reason="it takes two cores and Linux")
def test_two_workers_and_one(tmp_path: Path) -> None:
    film = numbered(tmp_path / "film.mp4", "30", 600)
    found = bench("scale", "--source", str(film))
    assert found["speedup_2"] > 0
    (pair,) = found["runs"]
    assert len(pair["one"]["cpu_s"]) == 1
    # Both did their part.
    assert len(pair["two"]["cpu_s"]) == 2 and all(seconds > 0.05 for seconds in pair["two"]["cpu_s"])
    assert pair["two"]["servers_cpu_s"]["Temporal"] > 0


@pytest.mark.slow
def test_what_a_quality_target_saves() -> None:
    found = bench("saving", "--seconds", "2")
    assert {"slides", "talk", "film"} <= set(found["kinds"])
    # What stands still costs a fraction of what the ladder allows; grain takes all that it allows.
    assert found["kinds"]["slides"]["capped"]["kbps"] < 0.3 * found["kinds"]["film"]["capped"]["kbps"]
    assert all(0 < point["vmaf"] <= 100 for kind in found["kinds"].values() for point in [kind["capped"]])


@pytest.mark.skipif(sys.platform != "linux", reason="processes are tied to cores")
def test_one_core_is_a_sentence() -> None:
    tied = f"import os; os.sched_setaffinity(0, {{{min(os.sched_getaffinity(0))}}}); from bench.__main__ import main; "
    line = [sys.executable, "-c", tied + "import sys; sys.argv[1:] = ['scale']; main()"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "`bench scale` compares two workers with one, and this machine has 1 core.\n"


def test_no_core_that_can_be_chosen_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("psutil.Process.cpu_affinity")
    with pytest.raises(StartupError, match="so `bench scale` needs Linux"):
        cores()


def test_a_missing_file_is_a_sentence() -> None:
    assert refusal("scale", "--source", "nowhere.mp4") == "There is no file nowhere.mp4.\n"


@pytest.mark.slow
def test_the_api_is_measured() -> None:
    found = bench("api", "--medias", "2000", "--rounds", "1")
    assert found["get_ratio"] > 0 and found["list_100k_over_1k"] > 0
    assert len(found["found"]["searches"]["tag"]) == 100 and found["search_p99_ms"] > 0
