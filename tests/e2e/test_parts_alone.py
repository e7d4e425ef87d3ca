"""The parts, each by itself, against servers that a config names: how a cluster runs them."""

from __future__ import annotations

from pathlib import Path

from tests.clips import clip
from tests.e2e.cluster import Cluster
from tests.e2e.gilfoyle_server import Server


def test_an_api_and_two_workers_make_a_stream(server: Server, tmp_path: Path) -> None:
    cluster = Cluster(server, tmp_path, "alone")
    with cluster.running() as alone:
        cluster.start("light", "pipeline", "io")
        cluster.start("transcode", "transcode")
        media = alone.stream(clip("bikes.mp4"))
        assert alone.http.get(media["stream_url"]).status_code == 200
        assert alone.objects(media["id"]).is_dir()
        assert not server.objects(media["id"]).exists()
        assert alone.http.delete(f"/v1/medias/{media['id']}").status_code == 204
