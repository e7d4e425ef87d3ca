"""Files that the server is told to fetch: what is refused at once, and what becomes of what is not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from gilfoyle.catalog import Catalog, Import, Media, MediaStatus
from gilfoyle.config import ImportSettings, NetSettings, Settings
from gilfoyle.ingest import Ingest
from gilfoyle.ingest.importing import Importing
from gilfoyle.storage import FilesystemStorage, Storages, keys
from tests.file_server import FileServer
from tests.integration.api.calling import calling
from tests.integration.api.conftest import eventually

FILM = bytes(range(256)) * 1000


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Files of this machine may be fetched."""
    quick = ImportSettings(retry_after_s=[0.01], give_up_after_s=1)
    return settings.model_copy(update={"net": NetSettings(allow=["127.0.0.1"]), "imports": quick})


@pytest.fixture
async def server() -> AsyncIterator[FileServer]:
    found = FileServer(FILM)
    async with found.up():
        yield found


@pytest.fixture
async def fetch(settings: Settings, catalog: Catalog) -> AsyncIterator[Callable[..., Any]]:
    """What a worker does for an import."""
    storages = Storages(settings.storage)
    ingest = Ingest(catalog, storages, settings.limits.upload_bytes)

    async def run(media_id: str) -> Import:
        importing = Importing(catalog, ingest, settings.imports, settings.net.allow)
        media = await catalog.medias.get(media_id)  # type: ignore[arg-type]
        wanted = await catalog.imports.of(media.id)
        assert wanted is not None
        assert await importing.run(media.id, wanted.id) is None
        return wanted

    yield run
    await storages.close()


async def created(client: httpx.AsyncClient, *inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = await client.post("/v1/medias", json={"title": "Film", "input": list(inputs), **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["data"])


async def test_a_media_of_a_file_elsewhere(
    client: httpx.AsyncClient,
    catalog: Catalog,
    server: FileServer,
    fetch: Callable[..., Any],
    storage: FilesystemStorage,
    temporal: Client,
) -> None:
    media = await created(client, {"url": server.url})
    path = f"/v1/medias/{media['id']}"
    place = f"http://127.0.0.1:{server.port}/films/film.mp4"
    assert media["status"] == "AwaitingUpload"
    assert media["input"] == [
        {"url": place, "status": "Importing", "received_bytes": 0, "total_bytes": None, "error": None}
    ]
    wanted = await catalog.imports.of(media["id"])
    assert wanted and wanted.url == server.url and "s3cret" not in repr(wanted)
    handle = temporal.get_workflow_handle(f"import-{media['id']}-{wanted.id}")
    assert (await handle.describe()).workflow_type == "ImportMedia"
    assert "s3cret" not in str(await handle.fetch_history())
    for answer in (
        await client.put(f"{path}/source", content=b"x"),
        await client.post(f"{path}/upload", files={"file": b"x"}),
        await client.post("/v1/uploads", json={"media_id": media["id"], "input": [{"url": server.url}]}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "importing")
    await fetch(media["id"])
    done = (await client.get(path)).json()["data"]
    assert (done["status"], done["file_name"], done["source_bytes"]) == ("Processing", "film.mp4", len(FILM))
    assert done["input"][0] | {"url": None} == {
        "url": None, "status": "Imported", "received_bytes": len(FILM), "total_bytes": len(FILM), "error": None
    }  # fmt: skip
    assert await storage.read(keys.source(media["id"])) == FILM
    listed = (await client.get("/v1/medias")).json()["data"]
    assert listed[0]["input"] == done["input"]

    async def is_processed() -> None:  # by the recovery: who accepts it is no server
        found = [each.id async for each in temporal.list_workflows(f"WorkflowId = 'media-{media['id']}-1'")]
        assert found

    await eventually(is_processed, 10)
    assert "s3cret" not in (await client.get("/v1/events")).text


REFUSED = [
    "file:///etc/passwd", "gopher://127.0.0.1:70/_x", "ftp://example.org/film.mp4", "data:video/mp4;base64,AAAA",
    "http://127.0.0.2/film.mp4", "http://localhost./film.mp4", "http://[::1]/film.mp4", "http://2130706434/film.mp4",
    "http://0x7f000002/film.mp4", "http://0177.0.0.2/film.mp4", "http://127.2/film.mp4", "http://10.0.0.1/film.mp4",
    "http://169.254.169.254/latest/meta-data", "http://[::ffff:10.0.0.1]/", "http://[64:ff9b::a9fe:a9fe]/",
    "http://user:pass@example.org/film.mp4", "http://example.org\\@10.0.0.1/", "http://nobody.invalid/film.mp4",
    "http://", "film.mp4", "",
]  # fmt: skip


async def test_what_is_never_fetched_is_refused_at_once(client: httpx.AsyncClient) -> None:
    for url in REFUSED:
        for path, body in (("/v1/medias", {"title": "x"}), ("/v1/uploads", {})):
            answer = await client.post(path, json={**body, "input": [{"url": url}]})
            problem = answer.json()
            assert (answer.status_code, problem["type"], problem["code"]) == (400, "invalid_request", "url_refused"), (
                url
            )
            assert "input.0.url" in problem["fields"] and problem["message"].endswith("."), url
    assert (await client.get("/v1/medias")).json()["data"] == []


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"input": []}, "input"),
    ({"input": [{"url": "http://127.0.0.1/a"}] * 2}, "input"),
    ({"input": {"url": "http://127.0.0.1/a"}}, "input"),
    ({"input": [{}]}, "input.0.url"),
    ({"input": [{"url": 5}]}, "input.0.url"),
    ({"input": [{"url": "http://127.0.0.1/" + "a" * 2048}]}, "input.0.url"),
    ({"input": [{"url": "http://127.0.0.1/a", "start": -1}]}, "input.0.start"),
    ({"input": [{"url": "http://127.0.0.1/a", "start": "1"}]}, "input.0.start"),
    ({"input": [{"url": "http://127.0.0.1/a", "start": 5, "end": 5}]}, "input.0.end"),
    ({"input": [{"url": "http://127.0.0.1/a", "headers": {}}]}, "input.0.headers"),
    ({"input": [{"url": "http://127.0.0.1/a", "start": 5}], "encoding": {"clip": {"start_s": 1}}}, "input.0.start"),
]


async def test_what_is_wrong_is_said(client: httpx.AsyncClient) -> None:
    for body, field in WRONG:
        answer = await client.post("/v1/medias", json={"title": "x", **body})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request"), body
        assert field in answer.json()["fields"], answer.text


async def test_several_files_are_refused_in_words(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/medias", json={"title": "x", "input": [{"url": "http://127.0.0.1/a"}] * 2})
    assert "several can't be put together yet" in answer.json()["fields"]["input"]


async def test_a_part_of_a_file(client: httpx.AsyncClient, catalog: Catalog, server: FileServer) -> None:
    media = await created(client, {"url": server.url, "start": 1.5, "end": 4}, encoding={"max_height": 360})
    assert media["encoding"] == {"max_height": 360, "clip": {"start_s": 1.5, "end_s": 4}}
    media = await created(client, {"url": server.url, "end": 4})
    assert media["encoding"]["clip"]["end_s"] == 4
    media = await created(client, {"url": server.url})
    assert media["encoding"] is None


async def test_a_file_that_can_not_be_had(
    client: httpx.AsyncClient, catalog: Catalog, server: FileServer, fetch: Callable[..., Any]
) -> None:
    server.answer = lambda _: "404 Not Found"
    media = await created(client, {"url": server.url})
    await fetch(media["id"])
    shown = (await client.get(f"/v1/medias/{media['id']}")).json()["data"]
    assert (shown["status"], shown["error"]["code"]) == ("Errored", "import_refused")
    assert shown["input"][0]["status"] == "Errored" and shown["input"][0]["error"] == shown["error"]
    types = [event.type for event in await catalog.events.page(0, 100)]
    assert {"media.errored", "import.errored"} <= {*types}
    server.answer = lambda _: None
    answer = await client.post("/v1/uploads", json={"media_id": media["id"], "input": [{"url": server.url}]})
    assert answer.status_code == 201, answer.text
    await fetch(media["id"])
    assert (await client.get(f"/v1/medias/{media['id']}")).json()["data"]["status"] == "Processing"


async def test_an_upload_that_the_server_does(
    client: httpx.AsyncClient, catalog: Catalog, server: FileServer, fetch: Callable[..., Any]
) -> None:
    body = {"input": [{"url": server.url, "start": 1}], "media": {"tags": ["x"]}, "kind": "audio", "max_duration_s": 60}
    answer = await client.post("/v1/uploads", json=body)
    upload = answer.json()["data"]
    assert (answer.status_code, upload["status"], upload["token"]) == (201, "uploading", None)
    path = f"/v1/uploads/{upload['id']}"
    assert answer.headers["Location"].endswith(path)
    for refused in (await client.put(path, content=b"x"), await client.post(path, files={"file": b"x"})):
        assert (refused.status_code, refused.json()["code"]) == (409, "importing")
    await fetch(upload["media_id"])
    done = (await client.get(path)).json()["data"]
    assert (done["status"], done["length"], done["file_name"]) == ("asset_created", len(FILM), "film.mp4")
    media = await catalog.medias.get(upload["media_id"])
    assert (media.title, media.tags, media.audio_only, media.duration_limit_s) == ("film.mp4", ["x"], True, 60)
    assert media.options and media.options["clip"]["start_s"] == 1
    told = [event.type for event in await catalog.events.page(0, 100) if event.type.startswith("upload.")]
    assert told == ["upload.created", "upload.asset_created"]


async def test_an_upload_that_the_server_can_not_do(
    client: httpx.AsyncClient, catalog: Catalog, server: FileServer, fetch: Callable[..., Any]
) -> None:
    answer = await client.post("/v1/uploads", json={"input": [{"url": server.url}], "max_bytes": 1000})
    upload = answer.json()["data"]
    await fetch(upload["media_id"])
    done = (await client.get(f"/v1/uploads/{upload['id']}")).json()["data"]
    assert (done["status"], done["error"]["code"]) == ("errored", "too_large")
    assert (await client.get(f"/v1/medias/{upload['media_id']}")).status_code == 404


async def test_what_an_upload_by_the_server_does_not_have(client: httpx.AsyncClient) -> None:
    for name, value in {"length": 5, "cors_origin": "https://app.example", "ttl_s": 60}.items():
        answer = await client.post("/v1/uploads", json={"input": [{"url": "http://127.0.0.1/a"}], name: value})
        assert (answer.status_code, answer.json()["fields"]) == (400, {name: "excludes input"})


async def test_an_upload_is_cancelled(
    client: httpx.AsyncClient, catalog: Catalog, server: FileServer, fetch: Callable[..., Any]
) -> None:
    waiting = await catalog.medias.create("Film")
    mine = (await client.post("/v1/uploads", json={"input": [{"url": server.url}]})).json()["data"]
    body = {"input": [{"url": server.url, "end": 7}], "media_id": str(waiting.id)}
    other = (await client.post("/v1/uploads", json=body)).json()["data"]
    for upload in (mine, other):
        assert (await client.delete(f"/v1/uploads/{upload['id']}")).status_code == 204
        assert (await client.get(f"/v1/uploads/{upload['id']}")).json()["data"]["status"] == "cancelled"
    assert (await client.get(f"/v1/medias/{mine['media_id']}")).status_code == 404
    kept = await catalog.medias.get(waiting.id)
    assert (kept.status, kept.due_at, await catalog.imports.of(waiting.id)) == ("AwaitingUpload", None, None)
    assert (await client.put(f"/v1/medias/{waiting.id}/source", content=FILM)).status_code == 202
    assert server.connections == 0
    assert "import.deleted" in [event.type for event in await catalog.events.page(0, 100)]


async def test_a_media_is_cancelled_while_its_file_is_fetched(
    client: httpx.AsyncClient, catalog: Catalog, server: FileServer, temporal: Client
) -> None:
    media = await created(client, {"url": server.url})
    wanted = await catalog.imports.of(media["id"])
    assert wanted is not None
    for _ in range(2):
        answer = await client.post(f"/v1/medias/{media['id']}/cancel")
        assert (answer.status_code, answer.json()["data"]["status"]) == (202, "Errored")
    assert answer.json()["data"]["error"]["code"] == answer.json()["data"]["input"][0]["error"]["code"] == "cancelled"
    described = await temporal.get_workflow_handle(f"import-{media['id']}-{wanted.id}").describe()
    assert described.raw_description.workflow_extended_info.cancel_requested
    upload = (await client.post("/v1/uploads", json={"input": [{"url": server.url}]})).json()["data"]
    assert (await client.post(f"/v1/medias/{upload['media_id']}/cancel")).status_code == 409
    plays = await ready(catalog)
    assert (
        await client.post(f"/v1/medias/{plays.id}/replacement", json={"input": [{"url": server.url}]})
    ).status_code == 202
    answer = await client.post(f"/v1/medias/{plays.id}/cancel")
    assert (answer.status_code, answer.json()["data"]["status"]) == (202, "Ready")
    assert answer.json()["data"]["input"][0]["status"] == "Errored"


async def ready(catalog: Catalog) -> Media:
    media = await catalog.medias.create("Film")
    await catalog.uploads.accept(media.id, kind=None, file_name="a", size=3, sha256="0" * 64)
    await catalog.encodings.finish(media.id, 1)
    return await catalog.medias.get(media.id)


async def test_a_media_is_replaced(
    client: httpx.AsyncClient, catalog: Catalog, server: FileServer, fetch: Callable[..., Any]
) -> None:
    media = await ready(catalog)
    path = f"/v1/medias/{media.id}/replacement"
    answer = await client.post(path, json={"input": [{"url": server.url, "start": 2}], "max_height": 360})
    assert answer.status_code == 202, answer.text
    assert (answer.json()["data"]["status"], answer.json()["data"]["replacement"]) == ("Ready", None)
    assert answer.json()["data"]["input"][0]["status"] == "Importing"
    for refused in (
        await client.post(path, json={"input": [{"url": server.url}]}),
        await client.put(f"/v1/medias/{media.id}/source?replace=true", content=b"x"),
        await client.post(path),
    ):
        assert refused.status_code == 409
    await fetch(str(media.id))
    replacement = await catalog.replacements.of(media.id)
    assert replacement and replacement.source_bytes == len(FILM) and replacement.upload == 2
    assert replacement.policy and replacement.policy["clip"]["start_s"] == 2
    assert [rung["height"] for rung in replacement.policy["video"]] == [360]
    assert (await client.delete(path)).status_code == 204


async def test_a_replacement_is_given_up_while_it_is_fetched(
    client: httpx.AsyncClient, catalog: Catalog, server: FileServer
) -> None:
    media = await ready(catalog)
    path = f"/v1/medias/{media.id}/replacement"
    assert (await client.post(path, json={"input": [{"url": server.url}]})).status_code == 202
    assert (await client.delete(path)).status_code == 204
    assert (await client.delete(path)).status_code == 404
    assert (await catalog.medias.get(media.id)).status == MediaStatus.READY


async def test_a_replacement_that_can_not_be_had(
    client: httpx.AsyncClient, catalog: Catalog, server: FileServer, fetch: Callable[..., Any]
) -> None:
    media = await ready(catalog)
    server.answer = lambda _: "410 Gone"
    answer = await client.post(f"/v1/medias/{media.id}/replacement", json={"input": [{"url": server.url}]})
    assert answer.status_code == 202
    await fetch(str(media.id))
    shown = (await client.get(f"/v1/medias/{media.id}")).json()["data"]
    assert (shown["status"], shown["error"], shown["input"][0]["error"]["code"]) == ("Ready", None, "import_refused")
    waiting = await catalog.medias.create("Film")
    answer = await client.post(f"/v1/medias/{waiting.id}/replacement", json={"input": [{"url": server.url}]})
    assert answer.status_code == 409


async def test_it_is_accepted_though_temporal_is_away(
    outage: Callable[[str], Settings], settings: Settings, catalog: Catalog, server: FileServer, temporal: Client
) -> None:
    async with calling(outage("temporal")) as client:
        media = await created(client, {"url": server.url})
    found = await catalog.medias.get(media["id"])
    assert found.due_at is not None
    wanted = await catalog.imports.of(found.id)
    assert wanted is not None
    await catalog.promises.due_again([found.id])  # as after a while
    async with calling(settings):

        async def is_begun() -> None:
            ids = [each.id async for each in temporal.list_workflows("WorkflowType = 'ImportMedia'")]
            assert f"import-{found.id}-{wanted.id}" in ids

        await eventually(is_begun, 20)
