from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from gilfoyle.api.feed import REMEMBERED, Feed
from gilfoyle.catalog import Catalog, Database, Event, EventFilter, EventType, Scope
from gilfoyle.catalog.outbox import Happening, add
from gilfoyle.config import AuthSettings, Settings
from tests.integration.api.conftest import processing, served


async def listed(client: httpx.AsyncClient, path: str = "/v1/events", **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


class Stream:
    """What a browser's EventSource does with the lines."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.last_id = ""
        self.comments: list[str] = []
        self._lines = response.aiter_lines()

    async def next(self) -> dict[str, Any] | None:
        """The next event; None if the stream has ended."""
        data = ""
        async for line in self._lines:
            name, _, value = line.partition(": ")
            if name == "id":
                self.last_id = value
            elif name == "data":
                data += value
            elif line.startswith(":"):
                self.comments.append(line)
            elif not line and data:
                found: dict[str, Any] = json.loads(data)
                return found
        return None

    async def take(self, number: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(10):
            found = [await self.next() for _ in range(number)]
        return [event for event in found if event is not None]

    async def begun(self) -> None:
        """The server has said from where on it tells."""
        async for line in self._lines:
            if line.startswith("id"):
                self.last_id = line.partition(": ")[2]
            if not line:
                return


@asynccontextmanager
async def streaming(
    client: httpx.AsyncClient, path: str = "/v1/events", *, headers: dict[str, str] | None = None, **query: Any
) -> AsyncIterator[Stream]:
    told = {"Accept": "text/event-stream", **(headers or {})}
    async with client.stream("GET", path, params=query, headers=told) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["cache-control"] == "no-store"
        yield Stream(response)


async def test_a_list_to_read_on_from(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await processing(catalog)
    everything = await listed(client)
    assert [event["type"] for event in everything] == ["media.created", "media.uploaded"]
    assert everything[0] == {
        "id": everything[0]["id"],
        "type": "media.created",
        "project": "default",
        "media_id": str(media.id),
        "data": {
            "status": "AwaitingUpload", "playable": False, "progress": 0.0, "version": 1, "external_id": None,
            "title": "Film",
        },
        "created_at": everything[0]["created_at"],
    }  # fmt: skip
    first = (await client.get("/v1/events", params={"limit": 1})).json()
    assert first["data"] == everything[:1]
    assert first["metadata"] == {"after": everything[0]["id"], "limit": 1}
    assert await listed(client, after=first["metadata"]["after"]) == everything[1:]
    none = (await client.get("/v1/events", params={"after": everything[-1]["id"]})).json()
    assert (none["data"], none["metadata"]["after"]) == ([], everything[-1]["id"])


async def test_only_some(client: httpx.AsyncClient, catalog: Catalog) -> None:
    first, second = await processing(catalog), await processing(catalog)
    await catalog.encodings.finish(first.id, 1)
    assert {event["media_id"] for event in await listed(client, f"/v1/medias/{second.id}/events")} == {str(second.id)}
    ready = await listed(client, f"/v1/medias/{first.id}/events", type="media.ready,rendition.*")
    assert [event["type"] for event in ready] == ["rendition.ready", "rendition.ready", "media.ready"]
    assert await listed(client, type=["media.ready", "rendition.ready"]) == ready


@pytest.mark.parametrize(
    ("query", "headers", "field"),
    [
        ({"type": "media.rady"}, {}, "type"),
        ({"type": "*"}, {}, "type"),
        ({"type": "media."}, {}, "type"),
        ({"type": ""}, {}, "type"),
        ({"after": "-1"}, {}, "after"),
        ({"after": str(2**63)}, {}, "after"),
        ({"limit": "0"}, {}, "limit"),
        ({"limit": "1001"}, {}, "limit"),
        ({}, {"Last-Event-ID": "film"}, "Last-Event-ID"),
        ({}, {"Last-Event-ID": "9" * 30}, "Last-Event-ID"),
    ],
)
async def test_nonsense(client: httpx.AsyncClient, query: dict[str, str], headers: dict[str, str], field: str) -> None:
    for accept in ("application/json", "text/event-stream"):
        answer = await client.get("/v1/events", params=query, headers={"Accept": accept, **headers})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
        assert field in answer.json()["fields"]


async def test_a_media_that_is_not_there(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"/v1/medias/{uuid4()}/events")).status_code == 404


async def test_a_stream_tells_what_happens(live: httpx.AsyncClient, catalog: Catalog) -> None:
    await processing(catalog)
    async with streaming(live) as stream:
        await stream.begun()
        media = await processing(catalog)
        told = await stream.take(2)
    assert [(event["type"], event["media_id"]) for event in told] == [
        ("media.created", str(media.id)),
        ("media.uploaded", str(media.id)),
    ]
    assert stream.last_id == str(told[-1]["id"])


async def test_a_stream_goes_on_where_it_broke_off(live: httpx.AsyncClient, catalog: Catalog) -> None:
    first = await processing(catalog)
    async with streaming(live, after=0) as stream:
        before = await stream.take(1)
    await catalog.encodings.finish(first.id, 1)
    async with streaming(live, headers={"Last-Event-ID": stream.last_id}, after=0) as again:
        rest = await again.take(5)
        await catalog.medias.mark_deleting(first.id)
        rest += await again.take(1)
    assert before + rest == await listed(live)
    assert rest[-1]["type"] == "media.deleted"


async def test_a_stream_of_one_media(live: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await processing(catalog)
    async with streaming(live, f"/v1/medias/{media.id}/events", type="media.*") as stream:
        await stream.begun()
        await processing(catalog)
        await catalog.encodings.finish(media.id, 1)
        told = await stream.take(2)
    assert [event["type"] for event in told] == ["media.playable", "media.ready"]
    assert {event["media_id"] for event in told} == {str(media.id)}


async def test_a_silent_stream_says_where_it_is(
    live: httpx.AsyncClient, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who wanted nothing of what has happened goes on after all of it."""
    monkeypatch.setattr("gilfoyle.api.events.PING_S", 0.05)
    async with streaming(live, type="rendition.ready") as stream:
        await stream.begun()
        await processing(catalog)
        newest = str(await catalog.events.last())
        async with asyncio.timeout(10):
            while stream.last_id != newest:
                await stream.begun()


async def test_many_streams_share_one_connection(live: httpx.AsyncClient, catalog: Catalog, database: Database) -> None:
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(base_url=live.base_url, limits=limits, timeout=30) as many:

        async def follow() -> list[dict[str, Any]]:
            async with streaming(many) as stream:
                await stream.begun()
                ready.release()
                return await stream.take(2)

        ready = asyncio.Semaphore(0)
        streams = [asyncio.create_task(follow()) for _ in range(100)]
        for _ in streams:
            await ready.acquire()
        await processing(catalog)
        told = await asyncio.gather(*streams)
        async with database.reading() as session:
            listeners = await session.scalar(text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"))
    assert all(each == told[0] for each in told)
    assert [event["type"] for event in told[0]] == ["media.created", "media.uploaded"]
    assert listeners == 1


async def test_a_server_that_stops_ends_its_streams(settings: Settings, catalog: Catalog) -> None:
    with served(settings) as url:
        client = httpx.AsyncClient(base_url=url, timeout=30)
        opened = streaming(client)
        stream = await opened.__aenter__()
        await stream.begun()
        ending = asyncio.create_task(stream.next())
    # Whole, as HTTP has it: not cut off after a while.
    assert await ending is None
    await opened.__aexit__(None, None, None)
    await client.aclose()


async def test_a_key_that_is_revoked_ends_its_streams(settings: Settings, catalog: Catalog) -> None:
    asking = settings.model_copy(update={"auth": AuthSettings(enabled=True)})
    key, secret = await catalog.keys.create("reader", Scope.READ)
    with served(asking) as url:
        async with httpx.AsyncClient(base_url=url, timeout=30, headers={"Authorization": f"Bearer {secret}"}) as client:
            async with streaming(client) as stream:
                await stream.begun()
                await processing(catalog)
                assert len(await stream.take(2)) == 2
                await catalog.keys.revoke(key.id)
                await asyncio.sleep(2.1)  # what another process may take to see it
                await processing(catalog)
                async with asyncio.timeout(10):
                    assert await stream.next() is None
            assert (await client.get("/v1/events")).status_code == 401


async def test_what_a_pooler_swallows_is_found_all_the_same(
    catalog: Catalog, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never hears anything, and looks all the same."""
    monkeypatch.setattr("gilfoyle.api.feed.CHANNEL", "nobody_says_a_word_here")
    feed = Feed(catalog, database, look_s=0.1)
    async with feed.following():
        await feed.wait(0, 5)
        after = await feed.start()
        await processing(catalog)
        found: list[Event] = []
        async with asyncio.timeout(5):
            while len(found) < 2:
                await feed.wait(after, 1)
                more, after = await feed.read(after, EventFilter())
                found += more
    assert [event.type for event in found] == ["media.created", "media.uploaded"]
    assert after == found[-1].id


async def test_who_reads_slowly_misses_nothing(catalog: Catalog, database: Database) -> None:
    """More happens than is remembered: the rest is read from the catalog."""
    feed = Feed(catalog, database)
    async with feed.following():
        async with asyncio.timeout(10):
            await feed.wait(0, 5)
            begin = await feed.start()
            number = REMEMBERED + 700
            async with database.session() as session:
                add(session, *(Happening(EventType.MEDIA_UPDATED, "default", None, {"n": n}) for n in range(number)))
            newest = await catalog.events.last()
            while feed.newest < newest:
                await feed.wait(feed.newest, 1)
        read: list[int] = []
        after = begin
        while feed.is_ahead(after):
            found, after = await feed.read(after, EventFilter([EventType.MEDIA_UPDATED]))
            read += [event.data["n"] for event in found]
    assert read == list(range(number))


async def test_a_connection_that_is_lost_is_made_again(
    live: httpx.AsyncClient, catalog: Catalog, database: Database
) -> None:
    async with streaming(live) as stream:
        await stream.begun()
        async with database.reading() as session:
            await session.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
            )
        await processing(catalog)
        assert len(await stream.take(2)) == 2


async def test_head_is_answered_at_once(live: httpx.AsyncClient) -> None:
    for path, accept in (
        ("/v1/events", "application/json"),
        ("/v1/events", "text/event-stream"),
        ("/v1/webhooks", "application/json"),
        ("/v1/keys", "application/json"),
    ):
        async with asyncio.timeout(5):
            answer = await live.head(path, headers={"Accept": accept})
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"] == accept
