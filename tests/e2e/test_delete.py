"""Deleting a media in any state leaves nothing of it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.clips import clip
from tests.e2e.gilfoyle_server import Server, wait_for
from tests.sources import numbered


def _assert_gone(server: Server, media_id: str, stream: str) -> None:
    assert server.http.get(f"/v1/medias/{media_id}").status_code == 404
    assert server.http.get(stream).status_code == 404
    wait_for(lambda: not server.objects(media_id).exists(), 10)
    assert server.http.delete(f"/v1/medias/{media_id}").status_code == 404


def test_while_it_is_encoded_ffmpeg_ends_within_three_seconds(server: Server, tmp_path: Path) -> None:
    source = numbered(tmp_path / "long.mp4", "30", 30 * 60, size=(1280, 720))
    media_id = server.create()
    stream = server.stream_path(media_id)
    assert server.send(media_id, source).status_code == 202
    wait_for(lambda: server.children("ffmpeg", media_id))
    started = time.monotonic()
    assert server.http.delete(f"/v1/medias/{media_id}").status_code == 204
    wait_for(lambda: not server.children("ffmpeg", media_id), 3)
    assert time.monotonic() - started < 3
    _assert_gone(server, media_id, stream)


@pytest.mark.parametrize("state", ["AwaitingUpload", "Ready", "Errored"])
def test_in_every_other_state(server: Server, tmp_path: Path, state: str) -> None:
    media_id = server.create()
    stream = server.stream_path(media_id)
    if state == "Ready":
        server.send(media_id, clip("bikes.mp4"))
    elif state == "Errored":
        (tmp_path / "letter.mp4").write_text("not a film")
        server.send(media_id, tmp_path / "letter.mp4")
    if state != "AwaitingUpload":
        assert server.wait(media_id)["status"] == state
    assert server.http.delete(f"/v1/medias/{media_id}").status_code == 204
    _assert_gone(server, media_id, stream)
