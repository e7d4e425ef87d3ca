"""Behind nginx with deploy/nginx.conf, which sends the files itself: whether it may is the API's to say."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import jwt
import pytest

from bench.servers.nginx import before, nginx
from tests.clips import clip
from tests.e2e.gilfoyle_server import ONE_RUNG, Server, up, wait_for

pytestmark = pytest.mark.skipif(not shutil.which("nginx"), reason="there is no nginx")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    (folder / "nginx").mkdir()
    with up(folder / "nginx", **ONE_RUNG) as server:
        yield server


@pytest.fixture(scope="module")
def front(server: Server) -> Iterator[httpx.Client]:
    configuration = before(server.addresses["api"], Path(server.addresses["data"]) / "media")
    with nginx(configuration) as proxy, httpx.Client(base_url=proxy.url, trust_env=False, timeout=30) as client:
        yield client


def test_segments_come_from_the_folder_and_all_else_from_the_api(server: Server, front: httpx.Client) -> None:
    media = server.stream(clip("bigbuckbunny.mp4"))
    path = server.stream_path(media["id"], "360p/00000.m4s")
    ours, theirs = server.http.get(path), front.get(path)
    assert theirs.content == ours.content
    assert theirs.headers["Server"].startswith("nginx") and theirs.headers["ETag"] != ours.headers["ETag"]
    for name in ("Content-Type", "Cache-Control", "X-Content-Type-Options"):
        assert theirs.headers[name] == ours.headers[name]
    assert theirs.headers["Access-Control-Allow-Origin"] == "*"
    part = front.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, ours.content[10:20])
    playlist = server.stream_path(media["id"], "360p/index.m3u8")
    assert front.get(playlist).text == server.http.get(playlist).text
    assert front.get(media["stream_url"].partition("/stream/")[2].join(("/stream/", ""))).status_code == 200
    assert front.post("/v1/medias", json={"title": "x"}).status_code == 201


def test_what_may_not_be_played_is_answered_by_the_api(server: Server, front: httpx.Client) -> None:
    media = server.stream(clip("bigbuckbunny.mp4"))
    path = server.stream_path(media["id"], "360p/00000.m4s")
    for wrong in ("/stream/unknown/1/360p/00000.m4s", path.replace("/1/", "/2/"), path.replace("00000", "00099")):
        answer = front.get(wrong)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), wrong
    assert front.get(path.replace("360p", "%2e%2e/source")).status_code in (400, 404)
    assert front.get(f"/internal/playable/{media['playback_ids'][0]}/1").status_code == 404
    assert front.get("/internal/decision").status_code == 404
    assert front.get(path).status_code == 200
    playback_id = media["playback_ids"][0]
    assert server.http.delete(f"/v1/medias/{media['id']}/playback-ids/{playback_id}").status_code == 204
    wait_for(lambda: front.get(path).status_code == 404, 10)


def test_what_is_signed_needs_its_token(server: Server, front: httpx.Client) -> None:
    media = server.stream(clip("bigbuckbunny.mp4"))
    key = server.http.post("/v1/signing-keys", json={"algorithm": "HS256"}).json()["data"]
    signed = server.http.post(f"/v1/medias/{media['id']}/playback-ids", json={"policy": "signed"}).json()["data"]
    playback_id = signed["id"]
    claims = {"sub": playback_id, "exp": int(time.time()) + 600}
    token = jwt.encode(claims, key["secret"], "HS256", {"kid": key["id"]})
    base = f"/stream/{playback_id}/1"
    assert front.get(f"{base}/360p/00000.m4s").json()["code"] == "token_missing"
    assert front.get(f"{base}/~{token[:-5]}xxxxx/360p/00000.m4s").status_code == 403
    answer = front.get(f"{base}/~{token}/360p/00000.m4s")
    assert (answer.status_code, answer.headers["Cache-Control"].split(",")[0]) == (200, "private")
    assert "ETag" in answer.headers and answer.headers["Server"].startswith("nginx")
    assert server.http.delete(f"/v1/signing-keys/{key['id']}").status_code == 204
    wait_for(lambda: front.get(f"{base}/~{token}/360p/00000.m4s").status_code == 403, 10)
