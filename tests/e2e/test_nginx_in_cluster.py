"""Behind nginx as deploy/kubernetes has it, on S3: it keeps segments, and the API says who gets them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import jwt
import pytest

from bench.servers.nginx import nginx
from gilfoyle.api.stream import OBJECT_PATH
from tests.clips import clip
from tests.e2e.gilfoyle_server import ONE_RUNG, Server, up, wait_for
from tests.e2e.stores import s3_variables
from tests.e2e.test_metrics import read, total
from tests.seaweed import Seaweed

pytestmark = pytest.mark.skipif(not shutil.which("nginx"), reason="there is no nginx")
CONFIGURATION = Path(__file__).parents[2] / "deploy" / "kubernetes" / "base" / "default.conf"


@pytest.fixture(scope="module")
def server(folder: Path, s3_service: Seaweed) -> Iterator[Server]:
    (folder / "in-cluster").mkdir()
    with up(folder / "in-cluster", **s3_variables(s3_service, "in-cluster"), **ONE_RUNG) as server:
        yield server


@pytest.fixture(scope="module")
def front(server: Server) -> Iterator[httpx.Client]:
    text = CONFIGURATION.read_text()
    for ours, theirs in (
        ("gilfoyle-api:8000", server.addresses["api"].partition("://")[2]),
        ("listen 8080;", "listen 127.0.0.1:PORT;"),
        ("/var/cache/nginx/", "FOLDER/"),
    ):
        assert ours in text
        text = text.replace(ours, theirs)
    with nginx(text) as proxy, httpx.Client(base_url=proxy.url, trust_env=False, timeout=30) as client:
        yield client


def sent_by_api(server: Server) -> float:
    """How many objects of streams the API has sent."""
    samples = read(server.addresses["metrics"]["api"])  # type: ignore[index]
    return total(samples, "gilfoyle_http_request_duration_seconds_count", route=OBJECT_PATH, status="200")


def test_a_segment_is_fetched_once_and_played_by_many(server: Server, front: httpx.Client) -> None:
    media = server.stream(clip("bigbuckbunny.mp4"))
    path = server.stream_path(media["id"], "360p/00000.m4s")
    ours = server.http.get(path)
    before = sent_by_api(server)
    answers = [front.get(path, headers={"Origin": origin}) for origin in ("https://a.example", "https://b.example")]
    answers += [front.get(path) for _ in range(3)]
    assert sent_by_api(server) - before == 1
    for theirs in answers:
        assert (theirs.status_code, theirs.content) == (200, ours.content)
        for name in ("Content-Type", "Cache-Control", "ETag", "X-Content-Type-Options"):
            assert theirs.headers[name] == ours.headers[name], name
        # Whoever fetched it first, from whichever site.
        assert theirs.headers.get_list("Access-Control-Allow-Origin") == ["*"]
        assert "Vary" not in theirs.headers
    part = front.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, ours.content[10:20])
    playlist = server.stream_path(media["id"], "360p/index.m3u8")
    assert front.get(playlist).text == server.http.get(playlist).text
    assert front.post("/v1/medias", json={"title": "x"}).status_code == 201


def test_what_is_kept_is_not_given_to_whoever_asks(server: Server, front: httpx.Client) -> None:
    media = server.stream(clip("bigbuckbunny.mp4"))
    path, playback_id = server.stream_path(media["id"], "360p/00000.m4s"), media["playback_ids"][0]
    assert front.get(path).status_code == 200
    for wrong in (path.replace("/1/", "/2/"), path.replace("00000", "00099"), "/stream/unknown/1/360p/00000.m4s"):
        answer = front.get(wrong)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), wrong
    assert front.get(f"/internal/playable/{playback_id}/1?kept=true").status_code == 404
    assert server.http.delete(f"/v1/medias/{media['id']}/playback-ids/{playback_id}").status_code == 204
    wait_for(lambda: front.get(path).status_code == 404, 10)


def test_what_is_signed_and_kept_needs_its_token(server: Server, front: httpx.Client) -> None:
    media = server.stream(clip("bigbuckbunny.mp4"))
    key = server.http.post("/v1/signing-keys", json={"algorithm": "HS256"}).json()["data"]
    signed = server.http.post(f"/v1/medias/{media['id']}/playback-ids", json={"policy": "signed"}).json()["data"]
    claims = {"sub": signed["id"], "exp": int(time.time()) + 600}
    tokens = [jwt.encode(claims | {"n": number}, key["secret"], "HS256", {"kid": key["id"]}) for number in range(2)]
    base, segment = f"/stream/{signed['id']}/1", "360p/00000.m4s"
    before = sent_by_api(server)
    for token in tokens:  # another viewer has another token, and the same segment
        answer = front.get(f"{base}/~{token}/{segment}")
        assert (answer.status_code, answer.headers["Cache-Control"].split(",")[0]) == (200, "private")
    assert sent_by_api(server) - before == 1
    assert front.get(f"{base}/{segment}").json()["code"] == "token_missing"
    assert front.get(f"{base}/~{tokens[0][:-5]}xxxxx/{segment}").status_code == 403
    assert server.http.delete(f"/v1/signing-keys/{key['id']}").status_code == 204
