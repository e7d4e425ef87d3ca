"""Secrets that a whole run is given, sought wherever others could read them: logs, command lines, and Temporal.

`gilfoyle up` on S3 and a PostgreSQL with a password: an upload by a token, an import that succeeds and one that fails,
a webhook that nobody receives, signed playback. What it is told by its settings, and what its API hands out once, must
be in nothing that it writes, but in the catalog.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest
from temporalio.client import Client

from tests.e2e.gilfoyle_server import ONE_RUNG, Server, up, wait_for
from tests.e2e.stores import s3_variables
from tests.file_server import FileServer
from tests.seaweed import Seaweed
from tests.sources import numbered

_SAMPLE_S = 0.02
_SIGNATURE = "X-Amz-Signature="


@dataclass(frozen=True)
class Traces:
    """All that a run left where others may read it."""

    secrets: dict[str, str]
    logs: bytes
    lines: set[bytes]
    """The command line of each process that was seen."""
    histories: bytes
    database: bytes
    """Temporal's own files, which hold what its API does not tell."""

    def found(self, secret: str) -> list[str]:
        """Where it is."""
        sought = secret.encode()
        places = {"logs": self.logs, "histories": self.histories, "Temporal's database": self.database}
        places["command lines"] = b"\n".join(self.lines)
        return [name for name, content in places.items() if sought in content]


@pytest.fixture(scope="module")
async def traces(
    folder: Path, postgres_url: str, s3_service: Seaweed, tmp_path_factory: pytest.TempPathFactory
) -> Traces:
    film = numbered(tmp_path_factory.mktemp("secret") / "film.mp4", "30", 60)
    password, admin = secrets.token_hex(16), secrets.token_hex(20)
    with psycopg.connect(postgres_url, autocommit=True) as database:
        database.execute("DROP DATABASE IF EXISTS secrets")
        database.execute("CREATE DATABASE secrets")
    parts = urlsplit(postgres_url)
    url = urlunsplit(parts._replace(netloc=f"gilfoyle:{password}@", path="/secrets"))
    told = {
        "GILFOYLE_DATABASE__URL": url,
        "GILFOYLE_AUTH__ENABLED": "true",
        "GILFOYLE_AUTH__ADMIN_KEY": admin,
        "GILFOYLE_NET__ALLOW": "[127.0.0.1]",
        "GILFOYLE_IMPORTS__RETRY_AFTER_S": "[0.1]",
        "GILFOYLE_IMPORTS__GIVE_UP_AFTER_S": "1",
        **s3_variables(s3_service, f"secrets/{secrets.token_hex(4)}"),
        **ONE_RUNG,
    }
    place = folder / "secrets"
    place.mkdir()
    planted = {"password": password, "admin key": admin, "S3 secret": s3_service.secret_key}
    with sampling() as lines, up(place, **told) as server:
        server.http.headers["Authorization"] = f"Bearer {admin}"
        planted |= use(server, film)
        logs = b"".join(path.read_bytes() for path in (server.data / "logs").iterdir())
        client = await Client.connect(server.addresses["temporal_address"])
        histories = b""
        async for each in client.list_workflows():
            handle = client.get_workflow_handle(each.id, run_id=each.run_id)
            history = await handle.fetch_history()
            histories += (await handle.describe()).raw_description.SerializeToString() + history.to_json().encode()
            histories += b"".join(event.SerializeToString() for event in history.events)
    assert b"ProcessMedia" in histories and b"ImportMedia" in histories and b"DeliverWebhook" in histories
    assert any(b"-progress" in line for line in lines), "ffmpeg was seen"
    assert logs.count(b"\n") > 5
    database = b"".join(path.read_bytes() for path in server.data.glob("temporal.db*"))
    return Traces(planted, logs, lines, histories, database)


def use(server: Server, film: Path) -> dict[str, str]:
    """All that an application does with secrets. Gives those that it was handed out, and those of its addresses."""
    http = server.http
    query, refused, hook = (secrets.token_hex(16) for _ in range(3))

    def made(path: str, **body: object) -> dict[str, str]:
        answer = http.post(path, json=body)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json()["data"])

    webhook = made("/v1/webhooks", url=f"http://127.0.0.1:1/hook?token={hook}")
    key = made("/v1/keys", name="writer", scope="write")["secret"]
    signing = made("/v1/signing-keys", algorithm="HS256")
    order = made("/v1/uploads", media={"title": "Film", "playback_policy": "signed"})
    with film.open("rb") as data:
        answer = httpx.put(server.url(order["url"]), content=data.read(), timeout=60)
    assert answer.status_code in (200, 201, 202), answer.text
    media_id = wait_for(lambda: http.get(f"/v1/uploads/{order['id']}").json()["data"]["media_id"])
    elsewhere = FileServer(film.read_bytes())
    with elsewhere.up_in_thread():
        address = elsewhere.url.replace("s3cret", query)
        imported = made("/v1/medias", title="Import", input=[{"url": address}])["id"]
        host = address.partition("://")[2]
        answer = http.post("/v1/medias", json={"title": "x", "input": [{"url": f"http://user:{refused}@{host}"}]})
        assert answer.status_code == 400, answer.text
        assert refused not in answer.text
        assert server.wait(imported)["status"] == "Ready"
    failed = made("/v1/medias", title="Import", input=[{"url": f"http://127.0.0.1:1/film.mp4?signature={query}"}])
    wait_for(lambda: http.get(f"/v1/medias/{failed['id']}").json()["data"]["status"] == "Errored")
    media = server.wait(media_id)
    assert media["status"] == "Ready", media["error"]
    http.get(f"/v1/medias/{media_id}", headers={"Authorization": f"Bearer {key}"}).raise_for_status()
    link = made(f"/v1/medias/{media_id}/source/links")["url"]
    assert httpx.get(server.url(link)).status_code in (200, 307)
    token = f"eyJ.{secrets.token_hex(16)}.x"
    assert http.get(f"/stream/{media['playback_ids'][0]}/master.m3u8?token={token}").status_code == 403
    return {
        "query of an import": query,
        "password of an import": refused,
        "query of a webhook": hook,
        "webhook secret": webhook["secret"].removeprefix("whsec_"),
        "API key": key,
        "signing secret": signing["secret"],
        "upload token": order["token"],
        "link": link.partition("token=")[2],
        "playback token": token,
    }


@contextmanager
def sampling() -> Iterator[set[bytes]]:
    """The command lines of all processes, looked at again and again until the end of the block."""
    seen: set[bytes] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_SAMPLE_S):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    seen.add(path.read_bytes())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def test_no_secret_is_where_others_read(traces: Traces) -> None:
    assert {name: places for name, secret in traces.secrets.items() if (places := traces.found(secret))} == {}
    assert all(len(secret) >= 16 for secret in traces.secrets.values()), "short ones occur by chance"


def test_no_presigned_address_is_logged_or_kept(traces: Traces) -> None:
    assert [place for place in traces.found(_SIGNATURE) if place != "command lines"] == []


def test_no_presigned_address_is_in_a_command_line(traces: Traces) -> None:
    lines = b"\n".join(traces.lines).decode(errors="replace")
    assert not re.search(re.escape(_SIGNATURE), lines)
