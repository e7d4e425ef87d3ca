"""`python -m bench play` as a whole, and what its watcher sees of a real server."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from bench import server
from bench.play.watch import watch
from bench.player import download, wait_for_first_play
from bench.uploads import check, master_url, send, wait_until_ready
from gilfoyle.cli.text import given
from gilfoyle.client import Gilfoyle
from tests.integration.bench.commands import bench, refusal
from tests.sources import numbered, read_numbers


@pytest.mark.slow
def test_a_short_film_is_measured() -> None:
    found = bench("play", "--film", "10s")
    assert found["first_play_s_10s"] > 0
    assert found["first_play_s_2h"] is None and found["lowest_rung_speed"] is None
    assert [step["name"] for step in found["films"]["10s"]["steps"]][:3] == ["store", "probe", "plan"]


@pytest.mark.slow
def test_a_film_is_watched_to_its_end_and_fetched(tmp_path: Path) -> None:
    film = numbered(tmp_path / "film.mp4", "30", 420)
    with server.running() as up, Gilfoyle(up.url) as client, httpx.Client(trust_env=False) as http:
        sent = send(client, film)
        master = master_url(up, sent.media_id)
        playable = wait_for_first_play(http, master, lambda: check(given(client.medias.get(sent.media_id))))
        watched = watch(http, master, playable, 60, 14)
        wait_until_ready(client, sent.media_id)
        download(http, master, tmp_path / "out")
    # All of it was seen to be published, from some on; the audio ends within an AAC frame of the video.
    assert watched.published_s == pytest.approx(14, abs=0.03)
    assert watched.samples[0].published_s >= 3.9
    assert [sample.at for sample in watched.samples] == sorted(sample.at for sample in watched.samples)
    assert watched.lowest_rung_speed > 0
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"180p.mp4", "audio-128k.mp4"}
    assert read_numbers(tmp_path / "out" / "180p.mp4") == [*range(420)]


def test_a_film_that_is_not_known_is_a_sentence() -> None:
    assert refusal("play", "--film", "3h") == "There is no film 3h: it can be 10s, 10min, 2h.\n"
