"""From `gilfoyle up` to a cluster, as docs/upgrading.md has it: nothing that was accepted is lost on the way."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from gilfoyle.embedded import programs
from tests.e2e.cluster import Cluster
from tests.e2e.gilfoyle_server import ONE_RUNG, Server, up, wait_for
from tests.sources import numbered

GUIDE = Path(__file__).parents[2] / "docs" / "upgrading.md"
FRAMES = 30 * 40


@pytest.fixture
async def another_database(postgres_url: str) -> AsyncIterator[str]:
    """An empty database of another PostgreSQL than that of the `up` that is left."""
    name = f"test_{uuid4().hex}"
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
        await connection.execute(f"CREATE DATABASE {name}")
        yield postgres_url.replace("/gilfoyle?", f"/{name}?")
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def follow_the_guide(old: str, new: str, folder: Path) -> None:
    """Run the guide's own lines, with PostgreSQL's programs that come along."""
    (lines,) = re.findall(r"```sh\n( *pg_dump .*?)```", GUIDE.read_text(), re.DOTALL)
    environment = os.environ | {"PATH": f"{programs.find()}:{os.environ['PATH']}", "OLD": old, "NEW": new}
    done = subprocess.run(
        ["sh", "-euc", lines], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def everything(server: Server, media_id: str) -> tuple[dict[str, Any], str, bytes]:
    """A media as its owner and its viewers see it."""
    media = server.media(media_id)
    # The address is the server's own.
    shown = {name: each for name, each in media.items() if not name.endswith("_url")}
    playlist = server.http.get(server.stream_path(media_id))
    segment = server.http.get(server.stream_path(media_id, "360p/00000.m4s"))
    assert playlist.status_code == segment.status_code == 200
    return shown, playlist.text, segment.content


@pytest.mark.slow
def test_medias_and_what_is_under_way_go_along(
    another_database: str, temporal_address: str, tmp_path: Path, folder: Path
) -> None:
    place = folder / "left"
    place.mkdir()
    film = numbered(tmp_path / "film.mp4", "30", 30 * 6, size=(640, 360))
    long = numbered(tmp_path / "long.mp4", "30", FRAMES, size=(640, 360))
    with up(place, **ONE_RUNG, GILFOYLE_WORKERS__THREADS="1") as old:
        ready = old.stream(film)["id"]
        was = everything(old, ready)
        under_way = old.create("under way")
        assert old.send(under_way, long).status_code == 202
        wait_for(lambda: old.media(under_way)["playable"])
        data = old.data
        # The server serves on meanwhile; who changes something now changes what is left behind.
        follow_the_guide(old.addresses["database_url"], another_database, tmp_path)
    shutil.copytree(data / "media", tmp_path / "media")
    shutil.rmtree(data)

    addresses = {"database_url": another_database, "temporal_address": temporal_address}
    cluster = Cluster(Server(None, addresses, None), tmp_path, "moved")  # type: ignore[arg-type]
    with cluster.running() as new:
        assert everything(new, ready) == was
        cluster.start("all", "pipeline", "io", "transcode")
        # Its workflow stayed behind with the old Temporal: it is missed, and begun again in the new one.
        media = new.wait(under_way, 180)
        assert media["status"] == "Ready", media["error"]
        assert all(numbers == list(range(FRAMES)) for numbers in new.frames(media).values())
        assert new.stream(film)["status"] == "Ready"
