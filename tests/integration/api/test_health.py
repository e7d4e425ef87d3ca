from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from prometheus_client import generate_latest

from gilfoyle.api.app import create_app
from gilfoyle.catalog import Catalog
from gilfoyle.config import Settings
from gilfoyle.metrics.instruments import REGISTRY
from gilfoyle.storage import FilesystemStorage
from tests.conftest import free_port
from tests.integration.api.conftest import address, playable, served
from tests.processes import program


async def test_is_alive_and_ready(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json()["code"] == "ok"
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["data"]) == (200, {"database": "ok", "temporal": "ok", "storage": "ok"})


async def test_without_the_catalog_it_is_not_ready(outage: Callable[[str], Settings]) -> None:
    with served(outage("database")) as url:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            assert (await client.get("/healthz")).status_code == 200
            answer = await client.get("/readyz")
            assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
            assert list(answer.json()["fields"]) == ["database"]
            assert answer.json()["message"] == "Not ready: database can't be reached."
            assert (await client.get("/metricsz")).status_code == 200


async def test_without_temporal_it_serves_streams_and_says_what_is_missing(
    outage: Callable[[str], Settings], catalog: Catalog, storage: FilesystemStorage
) -> None:
    media_id = await playable(catalog, storage)
    with served(outage("temporal")) as url:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            answer = await client.get("/readyz")
            assert answer.status_code == 200
            parts = answer.json()["data"]
            assert (parts["database"], parts["storage"]) == ("ok", "ok")
            assert parts["temporal"] == "The workflow engine (Temporal) can't be reached; try again."
            assert (await client.get(f"{await address(catalog, media_id)}/master.m3u8")).status_code == 200


async def test_balancers_may_ask_by_head(live: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/readyz"):
        answer = await live.head(path)
        assert (answer.status_code, answer.content) == (200, b"")


async def test_a_storage_that_went_away_is_not_ready(client: httpx.AsyncClient, settings: Settings) -> None:
    root = settings.storage.filesystem.path
    (root / ".tmp").rmdir()
    root.rmdir()
    answer = await client.get("/readyz")
    assert (answer.status_code, list(answer.json()["fields"])) == (503, ["storage"])


async def test_without_the_catalog_it_answers_503(outage: Callable[[str], Settings]) -> None:
    app = create_app(outage("database"))
    calls = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")
    async with app.router.lifespan_context(app), calls as client:
        for answer in (await client.get("/v1/medias"), await client.post("/v1/medias", json={"title": "x"})):
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert int(answer.headers["Retry-After"]) > 0


async def test_without_temporal_a_media_is_gone_for_clients(
    outage: Callable[[str], Settings], catalog: Catalog
) -> None:
    """Its objects go when Temporal is back."""
    media = await catalog.medias.create("Film")
    with served(outage("temporal")) as url:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            assert (await client.delete(f"/v1/medias/{media.id}")).status_code == 204
            assert (await client.get(f"/v1/medias/{media.id}")).status_code == 404
    assert (await catalog.medias.source(media.id)).due_at is not None


async def test_totals_are_of_all_and_requests_of_the_process(client: httpx.AsyncClient, catalog: Catalog) -> None:
    def answered(method: str, route: str, status: int) -> float:
        labels = {"method": method, "route": route, "status": str(status)}
        return REGISTRY.get_sample_value("gilfoyle_http_request_duration_seconds_count", labels) or 0

    asked = [("GET", "/v1/medias/{media_id}", 200), ("GET", "/v1/medias/{media_id}", 400), ("other", "other", 404)]
    before = [answered(*each) for each in asked]
    media = await catalog.medias.create("Film")
    await client.get(f"/v1/medias/{media.id}")
    await client.get("/v1/medias/nonsense")
    await client.request("BREW", "/made/up")
    await client.request("BREW", "/v1/medias")
    assert [answered(*each) - once for each, once in zip(asked, before, strict=True)] == [1, 1, 1]
    assert str(media.id) not in (told := generate_latest(REGISTRY).decode())
    assert "made" not in told and "BREW" not in told
    answer = await client.get("/metricsz")
    assert answer.headers["Content-Type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert 'gilfoyle_medias{status="AwaitingUpload"} 1.0' in lines
    assert 'gilfoyle_passes{queue="first",state="waiting"} 0.0' in lines
    assert 'gilfoyle_passes{queue="transcode",state="held_back"} 0.0' in lines


async def test_bytes_are_counted_both_ways(live: httpx.AsyncClient, catalog: Catalog) -> None:
    def moved(direction: str) -> float:
        return REGISTRY.get_sample_value("gilfoyle_bytes_total", {"direction": direction}) or 0

    media = await catalog.medias.create("Film")
    arrived, sent = moved("in"), moved("out")
    answer = await live.put(f"/v1/medias/{media.id}/source", content=bytes(100_000))
    assert moved("in") - arrived == 100_000
    assert moved("out") - sent >= len(answer.content)


async def test_a_process_stops_in_time_even_with_an_open_stream(
    settings: Settings, catalog: Catalog, storage: FilesystemStorage, tmp_path: Path
) -> None:
    media_id = await playable(catalog, storage)
    await storage.write(f"{media_id}/1/720p/00001.m4s", bytes(64 << 20))
    port = free_port()
    environment = {
        **os.environ,
        "GILFOYLE_SERVER__PORT": str(port),
        "GILFOYLE_DATABASE__URL": settings.database.url,
        "GILFOYLE_TEMPORAL__ADDRESS": settings.temporal.address,
        "GILFOYLE_STORAGE__FILESYSTEM__PATH": str(settings.storage.filesystem.path),
    }
    command = [sys.executable, "-m", "gilfoyle", "api"]
    with (
        (tmp_path / "log").open("wb") as log,
        program(command, env=environment, cwd=tmp_path, stdout=log, stderr=log) as process,
    ):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            for _ in range(300):
                try:
                    if (await client.get("/readyz")).status_code == 200:
                        break
                except httpx.TransportError:
                    time.sleep(0.1)  # noqa: ASYNC251  (nothing else runs)
            async with client.stream("GET", f"{await address(catalog, media_id)}/720p/00001.m4s") as stream:
                assert stream.status_code == 200
                start = time.monotonic()
                process.send_signal(signal.SIGTERM)
                assert process.wait(10) == 0
                assert time.monotonic() - start < 5
    assert "Traceback" not in (tmp_path / "log").read_text()
