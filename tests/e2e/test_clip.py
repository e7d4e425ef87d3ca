"""A part of a film, from the upload to the player's clock, and then the whole in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gilfoyle_server import Server, up, wait_for
from tests.integration.activities.test_sync import beeps, flash_and_beep, flashes


def _agreement(server: Server, media_id: str) -> dict[str, Any]:
    path = f"/v1/medias/{media_id}/verify"
    assert server.http.post(path).status_code == 202
    done = wait_for(lambda: (told := server.http.get(path).json()["data"])["status"] != "Running" and told, 60)
    return dict(done["agreement"])


def test_a_clip_and_then_the_whole(tmp_path: Path) -> None:
    film = flash_and_beep(tmp_path / "film.mp4", "25", "-c:a", "aac", "-ar", "44100")
    with up(tmp_path) as server:
        clip = {"clip": {"start_s": 1.62, "end_s": 4.5}}
        created = server.http.post("/v1/medias", json={"title": "A part", "encoding": clip})
        assert created.status_code == 201, created.text
        media_id = created.json()["data"]["id"]
        assert server.send(media_id, film, "video").status_code == 202
        media = server.wait(media_id)
        assert (media["status"], media["encoding"], media["duration_s"]) == ("Ready", clip, pytest.approx(2.88))
        url = server.url(media["stream_url"])
        # The first frame is that of 1.64 s.
        assert flashes(url, "0:v:0") == pytest.approx([0.36, 1.36, 2.36], abs=0.001)
        assert beeps(url, "0:a:0") == pytest.approx([0.36, 1.36, 2.36], abs=0.010)
        found = _agreement(server, media_id)
        assert [each for each in found["findings"] if each["verdict"] == "differs"] == []

        answer = server.http.post(f"/v1/medias/{media_id}/replacement", json={"clip": None})
        assert answer.status_code == 202, answer.text
        whole = wait_for(lambda: (now := server.media(media_id))["version"] == 2 and now, 60)
        assert whole["duration_s"] == pytest.approx(6)
        assert len(flashes(url, "0:v:0")) == 6


@pytest.mark.slow
def test_a_clip_that_is_not_in_the_file(tmp_path: Path) -> None:
    film = flash_and_beep(tmp_path / "film.mp4", "25", "-c:a", "aac")
    with up(tmp_path) as server:
        refused = server.http.post("/v1/medias", json={"title": "x", "encoding": {"clip": {"start_s": 4, "end_s": 4}}})
        assert (refused.status_code, "end_s" in refused.text) == (400, True)
        created = server.http.post("/v1/medias", json={"title": "x", "encoding": {"clip": {"start_s": 60}}})
        media_id = created.json()["data"]["id"]
        assert server.send(media_id, film, "video").status_code == 202
        media = server.wait(media_id)
        assert (media["status"], media["error"]["code"]) == ("Errored", "clip_outside")
        path = f"/v1/medias/{media_id}"
        assert server.http.patch(path, json={"encoding": {"clip": {"start_s": 5}}}).status_code == 200
        assert server.http.post(f"{path}/retry").status_code == 202
        assert server.wait(media_id)["duration_s"] == pytest.approx(1)
