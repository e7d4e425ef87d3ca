"""A rendition that can't be encoded ends errored alone; once the reason is gone, a retry makes just that one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gilfoyle_server import Server, up, wait_for
from tests.e2e.stores import ipfs_variables
from tests.kubo_node import KuboNode
from tests.poison import Poison
from tests.sources import numbered, read_numbers

FRAMES = 120
VIDEO = ["720p", "480p", "360p"]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three rungs of the default ladder."""
    return numbered(tmp_path_factory.mktemp("film") / "film.mp4", "30", FRAMES, size=(1280, 720))


@contextmanager
def poisoned(**settings: str) -> Iterator[tuple[Server, Poison]]:
    """A server whose ffmpeg can't make 480p."""
    with tempfile.TemporaryDirectory(prefix="gfr-", ignore_cleanup_errors=True) as root:
        poison = Poison(Path(root))
        poison.put(480)
        with up(Path(root), GILFOYLE_TOOLS__FFMPEG=poison.ffmpeg, **settings) as server:
            yield server, poison


def listed(server: Server, media: dict[str, Any]) -> list[str]:
    """The video renditions that the master playlist names, as a player gets it."""
    master = server.http.get(media["stream_url"], headers={"Cache-Control": "no-cache"}).text
    return [name for name in VIDEO if f"{name}/index.m3u8" in master]


def statuses(media: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["status"] for each in media["renditions"] if each["kind"] == "video"}


def objects(server: Server, media_id: str, without: str) -> dict[str, tuple[int, int]]:
    """Every object of the other renditions: when it was written, and its inode."""
    folder = server.objects(media_id)
    found = [path for path in folder.glob("*/*/*") if path.parent.name != without]
    return {str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.stat().st_ino) for path in found}


@pytest.mark.slow
def test_a_poisoned_rendition_is_errored_alone_and_made_later(film: Path) -> None:
    with poisoned() as (server, poison):
        media = server.stream(film)
        media_id = media["id"]
        assert statuses(media) == {"720p": "Ready", "480p": "Errored", "360p": "Ready"}
        error = next(each["error"] for each in media["renditions"] if each["name"] == "480p")
        assert error["code"] == "encode_failed" and "no 480 today" not in error["message"]
        assert [each["code"] for each in media["warnings"]] == ["rendition_failed"]
        assert listed(server, media) == ["720p", "360p"]
        for name in ("720p", "360p"):
            assert read_numbers(server.objects(media_id) / "1" / name / "index.m3u8") == list(range(FRAMES))
        others = objects(server, media_id, "480p")

        poison.take(480)
        command = [sys.executable, "-m", "gilfoyle", "retry", media_id, "480p", "--url", server.url("")]
        result = subprocess.run(command, capture_output=True, text=True, timeout=90, env=os.environ)
        assert (result.returncode, result.stdout) == (0, "480p is Ready.\n"), result.stderr

        media = server.media(media_id)
        assert (media["status"], statuses(media)["480p"], media["warnings"]) == ("Ready", "Ready", [])
        assert listed(server, media) == VIDEO
        playlist = server.objects(media_id) / "1" / "480p" / "index.m3u8"
        assert read_numbers(playlist) == list(range(FRAMES)) and "#EXT-X-ENDLIST" in playlist.read_text()
        assert objects(server, media_id, "480p") == others
        assert server.http.post(f"/v1/medias/{media_id}/renditions/480p/retry").status_code == 409


@pytest.mark.slow
def test_in_ipfs_the_whole_has_another_cid(film: Path, kubo: KuboNode) -> None:
    def pins() -> set[str]:
        return set(kubo.run("pin", "ls", "--type=recursive", "--quiet").split())

    def retry() -> dict[str, Any]:
        assert server.http.post(f"/v1/medias/{first['id']}/renditions/480p/retry").status_code == 202
        return wait_for(lambda: found if statuses(found := server.media(first["id"]))["480p"] in ends else None, 90)

    ends, before = {"Ready", "Errored"}, pins()
    with poisoned(**ipfs_variables(kubo, ipfs__folder="/retried")) as (server, poison):
        first = server.stream(film)
        assert pins() - before == {first["cid"]}
        assert retry()["cid"] == first["cid"]  # it failed again, and nothing has changed
        poison.take(480)
        whole = retry()
        assert statuses(whole)["480p"] == "Ready" and whole["cid"] != first["cid"]
        assert pins() - before == {whole["cid"]}
        assert "480p/index.m3u8" in kubo.run("cat", f"/ipfs/{whole['cid']}/master.m3u8")
        assert server.http.delete(f"/v1/medias/{first['id']}").status_code == 204
        assert pins() == before
