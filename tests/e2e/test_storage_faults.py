"""Stores that fail in the middle of an encode: the media becomes Ready, whole, and nothing is left besides."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gilfoyle_server import Server, up, wait_for
from tests.e2e.stores import ipfs_variables, objects, s3_variables, uploads
from tests.faulty import FaultyProxy
from tests.kubo_node import KuboNode
from tests.seaweed import Seaweed
from tests.sources import numbered, read_numbers

FRAMES = 30 * 90
OUTAGE_S = 20

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def film(folder: Path) -> Path:
    """With noise: so the encode is under way through all that happens."""
    return numbered(folder / "long.mp4", "30", FRAMES, size=(1280, 720), filters="noise=alls=12:allf=t")


def _media(server: Server, media_id: str) -> dict[str, Any]:
    media = server.media(media_id)
    assert media["status"] == "Processing", f"the encode was over before the fault: {media['error']}"
    return media


def _grows(server: Server, media_id: str) -> None:
    """Wait until segments are stored that were not there before, and so until the encode goes on."""
    before = _media(server, media_id)["progress"]
    wait_for(lambda: server.media(media_id)["progress"] > before, 90)


def _is_whole(server: Server, media: dict[str, Any]) -> None:
    assert media["status"] == "Ready", media["error"]
    for rendition in media["renditions"]:
        assert rendition["status"] == "Ready", rendition["error"]
        if rendition["kind"] == "video":
            url = server.url(server.stream_path(media["id"], f"{rendition['name']}/index.m3u8"))
            assert read_numbers(url) == list(range(FRAMES))


def _expected(media: dict[str, Any]) -> list[str]:
    """The keys that a ready media has, and no others."""
    names = [
        f"1/{rendition['name']}/{name}"
        for rendition in media["renditions"]
        for name in ("index.m3u8", "init.mp4", *(f"{n:05d}.m4s" for n in range(rendition["segments"])))
    ]
    return sorted(f"{media['id']}/{name}" for name in ("source", "1/master.m3u8", *names))


def _outage(begin: Callable[[], None], end: Callable[[], None]) -> None:
    begin()
    time.sleep(OUTAGE_S)
    end()


@pytest.fixture
def proxy(s3_service: Seaweed) -> Iterator[FaultyProxy]:
    with FaultyProxy(s3_service.host, s3_service.port) as proxy:
        yield proxy


def test_a_bucket_that_refuses_hangs_and_dies(
    folder: Path, s3_service: Seaweed, proxy: FaultyProxy, film: Path
) -> None:
    settings = s3_variables(s3_service, "faulty", s3__endpoint=proxy.url)
    (folder / "faulty").mkdir()
    with up(folder / "faulty", **settings) as server:
        media_id = server.create()
        assert server.send(media_id, film).status_code == 202
        wait_for(lambda: _media(server, media_id)["playable"])
        for fault in (proxy.refuse, proxy.hang):
            _outage(fault, proxy.heal)
            _grows(server, media_id)
        _media(server, media_id)
        s3_service.kill()
        proxy.sever()
        time.sleep(2)
        s3_service.start()
        media = server.wait(media_id, 200)
        _is_whole(server, media)
        assert objects(s3_service, "faulty") == _expected(media)
        assert uploads(s3_service, "faulty") == []
        assert server.http.delete(f"/v1/medias/{media_id}").status_code == 204
        assert objects(s3_service, "faulty") == []


def test_a_node_that_dies(folder: Path, kubo: KuboNode, film: Path) -> None:
    (folder / "dying").mkdir()
    with up(folder / "dying", **ipfs_variables(kubo, ipfs__folder="/dying")) as server:
        media_id = server.create()
        assert server.send(media_id, film).status_code == 202
        wait_for(lambda: _media(server, media_id)["playable"])
        for pause_s in (0, 5):
            kubo.kill()
            time.sleep(pause_s)
            kubo.start()
            _grows(server, media_id)
        media = server.wait(media_id, 200)
        _is_whole(server, media)
        names = [f"{media_id}/{name}" for name in _files(kubo, f"/dying/{media_id}")]
        assert sorted(names) == _expected(media)
        assert server.http.delete(f"/v1/medias/{media_id}").status_code == 204
        assert kubo.run("files", "ls", "/dying") == ""


def _files(kubo: KuboNode, folder: str) -> list[str]:
    """The files below a folder of the node's MFS."""
    found = []
    for line in kubo.run("files", "ls", "-l", folder).splitlines():
        name = line.split("\t")[0]
        if name.endswith("/"):
            found += [f"{name}{below}" for below in _files(kubo, f"{folder}/{name.rstrip('/')}")]
        else:
            found.append(name)
    return found
