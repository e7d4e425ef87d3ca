"""A file from another server, until it is seen on a screen."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from playwright.async_api import Browser

from tests.e2e.gilfoyle_server import Server, wait_for
from tests.e2e.player import Site, play, seen, until
from tests.file_server import FileServer
from tests.sources import numbered


async def test_a_part_of_a_film_is_fetched_and_played(
    server: Server, browser: Browser, web: Site, tmp_path: Path
) -> None:
    film = numbered(tmp_path / "film.mp4", "30", 240)
    elsewhere = FileServer(film.read_bytes(), cuts=[20_000, 20_000])
    with elsewhere.up_in_thread():
        body = {"title": "Part", "input": [{"url": elsewhere.url, "start": 2, "end": 6}]}
        answer = server.http.post("/v1/medias", json=body)
        assert answer.status_code == 201, answer.text
        media = server.wait(answer.json()["data"]["id"])
    assert media["status"] == "Ready", media["error"]
    assert (media["duration_s"], media["input"][0]["status"]) == (pytest.approx(4), "Imported")
    assert (server.objects(media["id"]) / "source").read_bytes() == elsewhere.data
    assert server.frames(media)["180p"] == [*range(60, 180)]
    page = await play(browser, web, server.url(media["stream_url"]))
    await until(page, "video.ended")
    assert (await seen(page))["errors"] == []
    await page.close()


def test_by_the_command_line(server: Server, tmp_path: Path) -> None:
    film = numbered(tmp_path / "film.mp4", "30", 60)
    elsewhere = FileServer(film.read_bytes())
    api = server.addresses["api"]
    with elsewhere.up_in_thread():
        command = [sys.executable, "-m", "gilfoyle", "import", elsewhere.url, "--end", "1", "--url", api]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip().endswith("/master.m3u8")
        assert "s3cret" not in done.stdout + done.stderr
        elsewhere.answer = lambda _: "404 Not Found"
        failed = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert failed.returncode == 1
    assert "there is no such file" in failed.stderr


@pytest.mark.slow
def test_its_worker_is_killed_in_the_middle(server: Server, tmp_path: Path) -> None:
    film = numbered(tmp_path / "film.mp4", "30", 30).read_bytes()
    padding = 5_000_000
    elsewhere = FileServer(film + padding.to_bytes(4) + b"free" + Random(1).randbytes(padding - 8), pause_s=0.05)
    with elsewhere.up_in_thread():
        answer = server.http.post("/v1/medias", json={"title": "Killed", "input": [{"url": elsewhere.url}]})
        media_id = answer.json()["data"]["id"]
        wait_for(lambda: server.media(media_id)["input"][0]["received_bytes"] > 1_500_000)
        (worker,) = (each for each in server.children("worker") if "io" in each.cmdline())
        worker.send_signal(signal.SIGKILL)
        assert server.media(media_id)["status"] == "AwaitingUpload"
        elsewhere.pause_s = 0
        media = server.wait(media_id, 120)
    assert media["status"] == "Ready", media["error"]
    assert (server.objects(media_id) / "source").read_bytes() == elsewhere.data
    assert elsewhere.ranges_asked[0] is None and elsewhere.ranges_asked[-1] is not None
