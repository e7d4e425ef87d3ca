"""The port of the metrics, as Prometheus reads it."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable

import httpx
import pytest

from gilfoyle.metrics import health, server
from gilfoyle.metrics.health import Health, State
from gilfoyle.metrics.instruments import introduce
from gilfoyle.metrics.server import MetricsServer


def until(check: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not check():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_any_free_port_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, server.__name__)
    introduce("api")
    with MetricsServer("127.0.0.1", 0) as serving:
        until(lambda: serving.url)
        answer = httpx.get(serving.url)
        assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, "text/plain")
        assert 'gilfoyle_build_info{role="api",version="' in answer.text
        assert "process_resident_memory_bytes" in answer.text
        assert "_created" not in httpx.get(serving.url, headers={"Accept": "application/openmetrics-text"}).text
        assert [record.getMessage() for record in caplog.records] == [f"metrics are at {serving.url}"]
    with pytest.raises(httpx.ConnectError):
        httpx.get(serving.url)


def test_a_port_that_is_taken_is_told_once_and_had_when_it_is_free(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with MetricsServer("127.0.0.1", port, retry_s=0.05) as serving:
            until(lambda: caplog.records)
            time.sleep(0.3)
            assert not serving.url
            [said] = [record.getMessage() for record in caplog.records]
            assert said.startswith(f"Port {port} of 127.0.0.1 for metrics is taken: this process works, and nobody")
            assert "GILFOYLE_METRICS__PORT" in said
            other.close()
            until(lambda: serving.url)
            assert httpx.get(serving.url).status_code == 200


def test_a_host_that_there_is_not_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with MetricsServer("192.0.2.1", 0, retry_s=0.05):
        until(lambda: caplog.records)
    assert "of 192.0.2.1 can't be had for metrics (" in caplog.text


async def test_a_worker_says_whether_it_lives_and_takes_work(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Health()
    monkeypatch.setattr(server, "HEALTH", told)
    with MetricsServer("127.0.0.1", 0) as serving:
        until(lambda: serving.url)

        def ask(path: str) -> tuple[int, str]:
            answer = httpx.get(serving.url.removesuffix("/metrics") + path)
            return answer.status_code, answer.text.strip()

        assert ask("/healthz") == ask("/readyz") == (404, "no worker")  # the API answers on a port of its own
        told.enter(State.STARTING)
        keeping = asyncio.create_task(told.keep())
        await asyncio.sleep(0)
        assert (ask("/healthz"), ask("/readyz")) == ((200, "ok"), (503, "starting"))
        told.enter(State.WORKING)
        assert (ask("/healthz"), ask("/readyz")) == ((200, "ok"), (200, "working"))
        told.remark("ffmpeg reaches its source and nothing else")
        assert ask("/readyz") == (200, "working\nffmpeg reaches its source and nothing else")
        told.enter(State.DRAINING)
        assert ask("/healthz") == (200, "ok") and ask("/readyz")[0] == 503 and ask("/readyz")[1].startswith("draining")
        assert "gilfoyle_draining 1.0" in ask("/metrics")[1]
        monkeypatch.setattr(health, "STANDSTILL_S", 0.05)
        time.sleep(0.1)  # noqa: ASYNC251  # the event loop that stands still is this one
        status, text = ask("/healthz")
        assert status == 503 and text.startswith("its event loop has stood still for")
        assert ask("/other")[0] == 404
        keeping.cancel()
        told.enter(State.STARTING)
