"""What Prometheus reads of a `gilfoyle up` and of a second API process beside it, while a film is made and played."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import free_port
from tests.e2e.gilfoyle_server import Server, is_ready, wait_for
from tests.processes import program
from tests.sources import numbered

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}", re.IGNORECASE)


def read(url: str) -> Samples:
    answer = httpx.get(url, timeout=30)
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def total(samples: Samples, name: str, **labels: str) -> float:
    """The sum of what has these labels, whatever others it has."""
    return sum(value for (each, have), value in samples.items() if each == name and set(labels.items()) <= have)


@contextmanager
def replica(server: Server) -> Iterator[str]:
    """Another API process on the same catalog; gives the address of its metrics."""
    port, metrics = free_port(), free_port()
    settings = {
        "GILFOYLE_SERVER__PORT": str(port),
        "GILFOYLE_DATABASE__URL": server.addresses["database_url"],
        "GILFOYLE_TEMPORAL__ADDRESS": server.addresses["temporal_address"],
        "GILFOYLE_STORAGE__FILESYSTEM__PATH": str(server.data / "media"),
        "GILFOYLE_METRICS__PORT": str(metrics),
    }
    with (
        program([sys.executable, "-m", "gilfoyle", "api"], cwd=server.data, env=os.environ | settings) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http,
    ):
        try:
            wait_for(lambda: is_ready(http), 60)
            yield f"http://127.0.0.1:{metrics}/metrics"
        finally:
            process.terminate()
            assert process.wait(20) == 0


def test_each_process_tells_what_it_did_and_one_of_what_is_of_all(server: Server, tmp_path: Path) -> None:
    urls: dict[str, str] = server.addresses["metrics"]  # type: ignore[assignment]
    assert list(urls) == ["api", "worker-light", "worker-transcode"]
    before = {name: read(url) for name, url in urls.items()}
    media = server.stream(numbered(tmp_path / "film.mp4", "30", 30 * 10, size=(640, 360)))
    assert server.http.get(media["stream_url"]).status_code == 200
    segment = server.stream_path(media["id"], f"{media['renditions'][0]['name']}/00000.m4s")
    assert server.http.get(segment).status_code == 200
    after = {name: read(url) for name, url in urls.items()}

    def grown(process: str, name: str, **labels: str) -> float:
        return total(after[process], name, **labels) - total(before[process], name, **labels)

    requests, storage = (
        "gilfoyle_http_request_duration_seconds_count",
        "gilfoyle_storage_operation_duration_seconds_count",
    )
    assert grown("api", requests, route="/v1/medias", method="POST", status="201") == 1
    assert grown("api", requests, route="/stream/{playback_id}/{version}/{path:path}", status="200") == 1
    assert grown("api", "gilfoyle_bytes_total", direction="in") > media["source_bytes"]
    assert grown("api", "gilfoyle_bytes_total", direction="out") > 10_000
    assert grown("worker-light", "gilfoyle_time_to_playable_seconds_count") == 1
    assert grown("worker-light", "gilfoyle_time_to_ready_seconds_count") == 1
    assert grown("worker-transcode", "gilfoyle_pass_wait_seconds_count", queue="first") > 1
    assert grown("worker-transcode", "gilfoyle_encode_speed_ratio_sum", codec="h264", rung="360p") > 0
    assert grown("worker-transcode", "gilfoyle_encode_speed_ratio_count", codec="aac") > 0
    for process in urls:
        assert grown(process, storage, driver="filesystem") > 0
        assert total(after[process], "gilfoyle_build_info") == 1
        assert total(after[process], "process_resident_memory_bytes") > 0
        assert total(after[process], "temporal_request_total") > 0
    assert total(after["worker-transcode"], "gilfoyle_ffmpeg_sandbox") == 1
    assert ("gilfoyle_passes", frozenset({("queue", "transcode"), ("state", "running")})) in after["worker-transcode"]
    _holds_no_id(after, media)


def _holds_no_id(processes: dict[str, Samples], media: dict[str, Any]) -> None:
    for samples in processes.values():
        for (name, labels), _ in samples.items():
            assert not name.endswith("_created")
            for _, value in labels:
                assert not _UUID.search(value) and media["id"] not in value
                assert not any(each in value for each in media["playback_ids"])


def test_two_replicas_count_what_is_of_all_once(server: Server) -> None:
    server.create()
    with replica(server) as second:
        both = [server.addresses["metrics"]["api"], second]  # type: ignore[index]
        for _ in range(2):
            told = [read(url) for url in both]
            [holder] = [samples for samples in told if total(samples, "gilfoyle_medias")]
            known = {key for key in holder if key[0] in ("gilfoyle_medias", "gilfoyle_passes")}
            assert {dict(labels).get("state") for _, labels in known} == {None, "waiting", "held_back"}
            [other] = [samples for samples in told if samples is not holder]
            assert not known & other.keys()
            truth = read_totals(server)
            assert total(holder, "gilfoyle_medias") == total(truth, "gilfoyle_medias") > 0
    # If the one that told is gone, the other one tells.
    wait_for(lambda: total(read(both[0]), "gilfoyle_medias"))


def read_totals(server: Server) -> Samples:
    return read(server.url("/metricsz"))
