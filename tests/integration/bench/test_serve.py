"""`python -m bench serve` and `uploads` as a whole, where there is an nginx."""

from __future__ import annotations

import shutil

import pytest

from tests.integration.bench.commands import bench


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("nginx"), reason="there is no nginx to compare with")
def test_segments_are_fetched_from_both() -> None:
    found = bench("serve", "--rounds", "1")
    for size in ("200kb", "2mb"):
        assert found["sizes"][size]["nginx_us"] > 0
        assert found[f"direct_req_per_cpu_s_{size}"] > 0


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("nginx"), reason="there is no nginx to compare with")
def test_files_are_sent_to_both() -> None:
    found = bench("uploads", "--rounds", "1", "--size-mb", "8", "--largest-mb", "12", "--at-once", "5")
    assert found["upload_ratio"] > 0 and found["tus_ratio"] > 0
    assert found["at_once_failed"] == 0
    assert set(found["found"]["peak_mb"]) == {"10", "12"}
