"""The Python client, for threads and for asyncio, with a real server."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gilfoyle.client import AsyncGilfoyle, Gilfoyle
from gilfoyle.errors import EncodeFailed, InvalidRequest, NotFound, Unavailable
from tests.clips import clip
from tests.e2e.gilfoyle_server import ONE_RUNG, Server, up
from tests.faulty import FaultyProxy

SRT = "1\n00:00:01,000 --> 00:00:02,000\nHello\n"


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    (folder / "client").mkdir()
    with up(folder / "client", **ONE_RUNG) as server:
        yield server


@pytest.fixture
def gilfoyle(server: Server) -> Iterator[Gilfoyle]:
    with Gilfoyle(server.addresses["api"]) as client:
        yield client


def test_from_a_file_to_a_stream(gilfoyle: Gilfoyle, server: Server, tmp_path: Path) -> None:
    told: list[int] = []
    film = clip("bigbuckbunny.mp4")
    upload = gilfoyle.uploads.send(film, media={"title": "Bunny", "tags": ["short"]}, at=told.append)
    assert (upload.status, told[-1]) == ("asset_created", film.stat().st_size)
    assert upload.media_id is not None
    media = gilfoyle.medias.wait(upload.media_id)
    assert (media.title, media.tags, media.source_bytes) == ("Bunny", ["short"], film.stat().st_size)
    assert media.renditions and media.probe and media.probe.video
    assert media.stream_url and server.http.get(media.stream_url).text.startswith("#EXTM3U")

    captions = tmp_path / "en.srt"
    captions.write_text(SRT)
    track = gilfoyle.medias.add_track(media.id, captions, language="en", default=True)
    assert gilfoyle.medias.edit_track(media.id, track.name, label="English").label == "English"
    assert track.name in [each.name for each in gilfoyle.medias.tracks(media.id)]
    gilfoyle.medias.remove_track(media.id, track.name)

    gilfoyle.medias.attach(media.id, "notes.txt", b"x" * 1000)
    assert gilfoyle.medias.attachment(media.id, "notes.txt") == b"x" * 1000
    with pytest.raises(NotFound):
        gilfoyle.medias.attachment(media.id, "other.txt")
    address = gilfoyle.medias.add_playback_id(media.id)
    assert address.id in gilfoyle.medias.get(media.id).playback_ids
    gilfoyle.medias.revoke_playback_id(media.id, address.id)

    assert gilfoyle.medias.edit(media.id, metadata={"season": 2}).metadata == {"season": 2}
    assert [each.id for each in gilfoyle.medias.all(metadata={"season": 2}, status=["Ready", "Errored"])] == [media.id]
    verification = gilfoyle.medias.verify(media.id)
    assert verification.agreement and verification.agreement.agrees
    types = [event.type for event in gilfoyle.events.all(media_id=media.id)]
    assert {"media.created", "track.created", "track.ready", "media.ready"} <= set(types)
    gilfoyle.medias.delete(media.id)
    with pytest.raises(NotFound):
        gilfoyle.medias.get(media.id)


def test_all_pages(gilfoyle: Gilfoyle) -> None:
    made = [gilfoyle.medias.create(f"Page {number}", tags=["pages"]).id for number in range(25)]
    assert [each.id for each in gilfoyle.medias.all(tags=["pages"], limit=10)] == made[::-1]


def test_a_file_that_is_no_media(gilfoyle: Gilfoyle, tmp_path: Path) -> None:
    nonsense = tmp_path / "notes.txt"
    nonsense.write_text("nothing to see")
    upload = gilfoyle.uploads.send(nonsense)
    assert upload.media_id is not None
    with pytest.raises(EncodeFailed) as failed:
        gilfoyle.medias.wait(upload.media_id)
    assert failed.value.reason == "not_media"
    nonsense.write_bytes(b"")
    with pytest.raises(InvalidRequest, match="is empty"):
        gilfoyle.uploads.send(nonsense)


def test_where_nothing_answers() -> None:
    with Gilfoyle("http://127.0.0.1:9") as client, pytest.raises(Unavailable, match="Nothing answers"):
        client.medias.create("x")


async def test_in_asyncio_while_others_wait(server: Server) -> None:
    async with AsyncGilfoyle(server.addresses["api"]) as gilfoyle:
        seen: list[str] = []

        async def follow() -> None:
            async for event in gilfoyle.events.follow(0, types=["media.ready"]):
                seen.append(str(event.media_id))

        following = asyncio.create_task(follow())
        uploads = await asyncio.gather(*(gilfoyle.uploads.send(clip("bigbuckbunny.mp4")) for _ in range(2)))
        medias = await asyncio.gather(*(gilfoyle.medias.wait(each.media_id or "") for each in uploads))
        async with asyncio.timeout(20):
            while not {str(media.id) for media in medias} <= set(seen):
                await asyncio.sleep(0.1)
        following.cancel()


def test_an_upload_goes_on_where_it_broke_off(server: Server, tmp_path: Path) -> None:
    """Its connection is cut again and again; every byte arrives, once."""
    data = tmp_path / "data.bin"
    data.write_bytes(bytes(range(256)) * 80_000)
    place = urlsplit(server.addresses["api"])
    cuts = iter((3_000_000, 9_000_000, 15_000_000, 1 << 40))
    due = next(cuts)

    def cut(offset: int) -> None:
        nonlocal due
        if offset > due:
            due = next(cuts)
            proxy.sever()

    with FaultyProxy(place.hostname or "", place.port or 0) as proxy, Gilfoyle(proxy.url) as gilfoyle:
        upload = gilfoyle.uploads.send(data, at=cut)
        assert upload.media_id is not None
        assert gilfoyle.medias.get(upload.media_id).source_bytes == data.stat().st_size
        with pytest.raises(EncodeFailed):
            gilfoyle.medias.wait(upload.media_id)
        media = gilfoyle.medias.get(upload.media_id)
    assert due == 1 << 40
    assert media.source_sha256 in (None, hashlib.sha256(data.read_bytes()).hexdigest())
