"""Every route, called by everyone: with no key, with each kind of key and token. A route that is not listed fails."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import httpx
import jwt
import pytest
from fastapi.routing import iter_route_contexts

from gilfoyle.api import key_pairs
from gilfoyle.api.app import create_app
from gilfoyle.catalog import Catalog, Policy, Scope, SigningKey
from gilfoyle.catalog.signing import Algorithm
from gilfoyle.config import AuthSettings, Settings
from gilfoyle.media.tracks import Role, Track, TrackKind
from gilfoyle.storage import FilesystemStorage, keys
from tests.integration.api.calling import calling
from tests.integration.api.conftest import playable

OURS, THEIRS = "ours", "theirs"


class Needs(StrEnum):
    """What a route asks of its caller."""

    NOTHING = "nothing"
    READ = "a key"
    WRITE = "a key of scope write"
    ADMIN = "a key of scope admin"
    ALL = "a key for all projects"
    ADMIN_OF_ALL = "a key of scope admin for all projects"
    TOKEN = "a playback token"
    READ_OR_LINK = "a key, or the token of a link"
    READ_OR_UPLOAD = "a key, or the upload's token"
    WRITE_OR_UPLOAD = "a key of scope write, or the upload's token"


@dataclass(frozen=True)
class Route:
    """What is asked, and the status for whoever may."""

    needs: Needs
    status: int = 200
    name: str = ""
    """For `{name}` in the path."""
    send: Mapping[str, Any] = field(default_factory=dict)


TITLE = {"json": {"title": "Film"}}
NAME = {"json": {"name": "new"}}
FILE = {"files": {"file": ("film.mp4", b"x")}}
SRT = {"files": {"file": ("de.srt", b"1\n00:00:01,000 --> 00:00:02,000\nHallo\n")}}

ROUTES = {
    "GET /": Route(Needs.NOTHING),
    "GET /healthz": Route(Needs.NOTHING),
    "GET /readyz": Route(Needs.NOTHING),
    "GET /metricsz": Route(Needs.ALL),
    "GET /openapi.json": Route(Needs.NOTHING),
    "GET /docs": Route(Needs.NOTHING),
    "GET /redoc": Route(Needs.NOTHING),
    "GET /static": Route(Needs.NOTHING, 404),
    "GET /static-docs": Route(Needs.NOTHING, 404),
    "GET /v1/medias": Route(Needs.READ),
    "POST /v1/medias": Route(Needs.WRITE, 201, send=TITLE),
    "GET /v1/medias/{media_id}": Route(Needs.READ),
    "PATCH /v1/medias/{media_id}": Route(Needs.WRITE, send=TITLE),
    "DELETE /v1/medias": Route(Needs.WRITE, 400),
    "DELETE /v1/medias/{media_id}": Route(Needs.WRITE, 204),
    "POST /v1/medias/{media_id}/upload": Route(Needs.WRITE, 409, send=FILE),
    "POST /v1/medias/{media_id}/upload/{kind}": Route(Needs.WRITE, 409, send=FILE),
    "PUT /v1/medias/{media_id}/source": Route(Needs.WRITE, 409, send={"content": b"x"}),
    "GET /v1/medias/{media_id}/source": Route(Needs.READ_OR_LINK),
    "DELETE /v1/medias/{media_id}/source": Route(Needs.WRITE, 409),
    "POST /v1/medias/{media_id}/source/links": Route(Needs.WRITE, 201),
    "DELETE /v1/medias/{media_id}/source/links": Route(Needs.WRITE, 204),
    "GET /v1/medias/{media_id}/tracks": Route(Needs.READ),
    "POST /v1/medias/{media_id}/tracks": Route(Needs.WRITE, 201, send=SRT),
    "PATCH /v1/medias/{media_id}/tracks/{name}": Route(Needs.WRITE, 200, "text-1", {"json": {"label": "new"}}),
    "DELETE /v1/medias/{media_id}/tracks/{name}": Route(Needs.WRITE, 204, "text-1"),
    "GET /v1/medias/{media_id}/attachments": Route(Needs.READ),
    "POST /v1/medias/{media_id}/attachments": Route(Needs.WRITE, 201, send=FILE),
    "PUT /v1/medias/{media_id}/attachments/{name:path}": Route(Needs.WRITE, 201, "new.txt", {"content": b"x"}),
    "GET /v1/medias/{media_id}/attachments/{name:path}": Route(Needs.READ, 200, "a.txt"),
    "DELETE /v1/medias/{media_id}/attachments/{name:path}": Route(Needs.WRITE, 204, "a.txt"),
    "POST /v1/medias/{media_id}/playback-ids": Route(Needs.WRITE, 201),
    "DELETE /v1/medias/{media_id}/playback-ids/{playback_id}": Route(Needs.WRITE, 204),
    "POST /v1/medias/{media_id}/replacement": Route(Needs.WRITE, 409),
    "DELETE /v1/medias/{media_id}/replacement": Route(Needs.WRITE, 404),
    "POST /v1/medias/{media_id}/retry": Route(Needs.WRITE, 202),
    "POST /v1/medias/{media_id}/cancel": Route(Needs.WRITE, 202),
    "POST /v1/medias/{media_id}/renditions/{name}/retry": Route(Needs.WRITE, 409, "720p"),
    "POST /v1/medias/{media_id}/verify": Route(Needs.WRITE, 409),
    "GET /v1/medias/{media_id}/verify": Route(Needs.READ, 404),
    "GET /v1/events": Route(Needs.READ),
    "GET /v1/medias/{media_id}/events": Route(Needs.READ),
    "OPTIONS /v1/uploads": Route(Needs.NOTHING, 204),
    "OPTIONS /v1/uploads/{upload_id}": Route(Needs.NOTHING, 204),
    "GET /v1/uploads": Route(Needs.READ),
    "POST /v1/uploads": Route(Needs.WRITE, 201, send={"json": {}}),
    "GET /v1/uploads/{upload_id}": Route(Needs.READ_OR_UPLOAD),
    "PUT /v1/uploads/{upload_id}": Route(Needs.WRITE_OR_UPLOAD, 202, send={"content": b"x"}),
    "POST /v1/uploads/{upload_id}": Route(Needs.WRITE_OR_UPLOAD, 202, send=FILE),
    "PATCH /v1/uploads/{upload_id}": Route(Needs.WRITE_OR_UPLOAD, 412, send={"content": b"x"}),
    "POST /v1/uploads/{upload_id}/parts": Route(Needs.WRITE_OR_UPLOAD, 409, send={"json": {"length": 5}}),
    "GET /v1/uploads/{upload_id}/parts": Route(Needs.READ_OR_UPLOAD, 409),
    "POST /v1/uploads/{upload_id}/parts/urls": Route(
        Needs.WRITE_OR_UPLOAD, 409, send={"json": {"first": 1, "last": 1}}
    ),
    "POST /v1/uploads/{upload_id}/parts/complete": Route(Needs.WRITE_OR_UPLOAD, 409),
    "DELETE /v1/uploads/{upload_id}": Route(Needs.WRITE_OR_UPLOAD, 204),
    "GET /v1/keys": Route(Needs.ADMIN),
    "POST /v1/keys": Route(Needs.ADMIN, 201, send=NAME),
    "GET /v1/keys/{key_id}": Route(Needs.ADMIN),
    "PATCH /v1/keys/{key_id}": Route(Needs.ADMIN, send=NAME),
    "POST /v1/keys/{key_id}/revoke": Route(Needs.ADMIN),
    "DELETE /v1/keys/{key_id}": Route(Needs.ADMIN, 204),
    "GET /v1/signing-keys": Route(Needs.ADMIN),
    "POST /v1/signing-keys": Route(Needs.ADMIN, 201, send={"json": {}}),
    "GET /v1/signing-keys/{key_id}": Route(Needs.ADMIN),
    "POST /v1/signing-keys/{key_id}/revoke": Route(Needs.ADMIN),
    "DELETE /v1/signing-keys/{key_id}": Route(Needs.ADMIN, 204),
    "GET /v1/webhooks": Route(Needs.ADMIN),
    "POST /v1/webhooks": Route(Needs.ADMIN, 400, send={"json": {"url": "ftp://nowhere"}}),
    "GET /v1/webhooks/{webhook_id}": Route(Needs.ADMIN),
    "PATCH /v1/webhooks/{webhook_id}": Route(Needs.ADMIN, send={"json": {"description": "new"}}),
    "DELETE /v1/webhooks/{webhook_id}": Route(Needs.ADMIN, 204),
    "POST /v1/webhooks/{webhook_id}/rotate-secret": Route(Needs.ADMIN),
    "POST /v1/webhooks/{webhook_id}/test": Route(Needs.ADMIN, 202),
    "GET /v1/webhooks/{webhook_id}/deliveries": Route(Needs.ADMIN),
    "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver": Route(Needs.ADMIN, 202),
    "GET /v1/projects": Route(Needs.ADMIN),
    "POST /v1/projects": Route(Needs.ADMIN_OF_ALL, 409, send={"json": {"id": OURS}}),
    "GET /v1/projects/{project_id}": Route(Needs.ADMIN),
    "PATCH /v1/projects/{project_id}": Route(Needs.ADMIN, send=NAME),
    "DELETE /v1/projects/{project_id}": Route(Needs.ADMIN_OF_ALL, 409),
    "GET /stream/{playback_id}/master.m3u8": Route(Needs.TOKEN, 307),
    "GET /stream/{playback_id}/{version}/{path:path}": Route(Needs.TOKEN),
    "GET /internal/playable/{playback_id}/{version}": Route(Needs.TOKEN, 204),
    "GET /watch/{playback_id}": Route(Needs.TOKEN),
    "GET /watch/{playback_id}/state": Route(Needs.TOKEN),
}

ONCE = (
    "DELETE ",
    "PUT ",
    "POST /v1/uploads/",
    *("POST /v1/medias/{media_id}/" + each for each in ("attachments", "cancel", "retry")),
)
"""Routes that would answer otherwise the second time."""


@dataclass(frozen=True)
class Caller:
    """Whoever calls: with a key, or with a playback token."""

    good: bool = True
    """It is a key, and one that is good."""
    scope: Scope = Scope.ADMIN
    project: str | None = None
    plays: bool = False
    """It is a token for the media that is asked for."""
    uploads: bool | None = None
    """It is the token of the upload that is asked for, or of another."""
    links: bool | None = None
    """It is the token of a link to the file that is asked for, or none of such a link, in its place."""

    def expected(self, path: str, route: Route) -> int:
        if route.needs == Needs.NOTHING:
            return route.status
        if route.needs == Needs.TOKEN:
            return route.status if self.plays else 403
        if self.uploads is not None and route.needs in (Needs.READ_OR_UPLOAD, Needs.WRITE_OR_UPLOAD):
            return route.status if self.uploads else 403
        if self.links is not None and route.needs == Needs.READ_OR_LINK:
            return route.status if self.links else 403
        if not self.good:
            return 401
        scope = {
            Needs.WRITE: Scope.WRITE,
            Needs.WRITE_OR_UPLOAD: Scope.WRITE,
            Needs.ADMIN: Scope.ADMIN,
            Needs.ADMIN_OF_ALL: Scope.ADMIN,
        }
        if not self.scope.includes(scope.get(route.needs, Scope.READ)):
            return 403
        if route.needs in (Needs.ALL, Needs.ADMIN_OF_ALL) and self.project is not None:
            return 403
        return 404 if self.project == THEIRS and "{" in path else route.status


CALLERS = {
    "nobody": Caller(good=False),
    "read": Caller(scope=Scope.READ),
    "write": Caller(scope=Scope.WRITE),
    "admin": Caller(),
    "the project's admin": Caller(project=OURS),
    "another project's admin": Caller(project=THEIRS),
    "expired": Caller(good=False),
    "revoked": Caller(good=False),
    "unknown": Caller(good=False),
    "playback token": Caller(good=False, plays=True, links=False),
    "another media's playback token": Caller(good=False, links=False),
    "link": Caller(good=False, links=True),
    "another media's link": Caller(good=False, links=False),
    "upload token": Caller(good=False, uploads=True),
    "another upload's token": Caller(good=False, uploads=False),
}


class World:
    """Medias and keys of a project, and what each caller sends."""

    def __init__(self, client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage) -> None:
        self.client = client
        self.catalog = catalog
        self.storage = storage
        self.secrets: dict[str, str] = {}
        self.signing = SigningKey(project=OURS, name="test", algorithm=Algorithm.HS256)

    async def set_up(self) -> None:
        for project in (OURS, THEIRS):
            await self.catalog.projects.create(project)
        self.signing.secret = key_pairs.make(Algorithm.HS256).secret
        await self.catalog.signing_keys.create(self.signing)
        past = datetime.now(UTC) - timedelta(seconds=1)
        for name, caller in CALLERS.items():
            if caller.good or name in ("expired", "revoked"):
                expires_at = past if name == "expired" else None
                key, self.secrets[name] = await self.catalog.keys.create(name, caller.scope, caller.project, expires_at)
                if name == "revoked":
                    await self.catalog.keys.revoke(key.id)
        self.secrets["unknown"] = "gf_nonsense"

    def token(self, playback_id: str) -> str:
        claims = {"sub": playback_id, "exp": int(time.time()) + 600}
        return jwt.encode(claims, self.signing.secret or "", "HS256", {"kid": self.signing.id})

    async def things(self) -> dict[str, str]:
        """What paths name, made anew."""
        media_id = await playable(self.catalog, self.storage, OURS)
        text = Track(name="text-1", kind=TrackKind.TEXT, role=Role.SUBTITLE)
        await self.catalog.tracks.add(media_id, text)
        key, _secret = await self.catalog.keys.create("thing", Scope.READ, OURS)
        signing = SigningKey(project=OURS, name="thing", algorithm=Algorithm.HS256, secret="x" * 40)
        await self.catalog.signing_keys.create(signing)
        headers = {"Authorization": f"Bearer {self.secrets['admin']}"}
        answer = await self.client.put(f"/v1/medias/{media_id}/attachments/a.txt", content=b"a", headers=headers)
        assert answer.status_code == 201, answer.text
        webhook = await self.catalog.webhooks.create(OURS, url="http://127.0.0.1:9/", enabled=False)
        headers = {"Authorization": "Bearer " + self.secrets["the project's admin"]}
        upload = (await self.client.post("/v1/uploads", json={}, headers=headers)).json()["data"]
        await self.storage.write(keys.source(media_id), b"film")
        link = await self.client.post(f"/v1/medias/{media_id}/source/links", headers=headers)
        return {
            "upload_id": upload["id"],
            "upload_token": upload["token"],
            "link_token": link.json()["data"]["url"].partition("?token=")[2],
            "media_id": str(media_id),
            "playback_id": await self.catalog.playback.add(media_id, Policy.SIGNED),
            "key_id": str(key.id),
            "signing_key_id": signing.id,
            "webhook_id": str(webhook.id),
            "delivery_id": str((await self.catalog.deliveries.test(webhook)).id),
            "project_id": OURS,
            "kind": "video",
            "version": "1",
            "path": "720p/00000.m4s",
        }

    async def call(self, caller: str, named: str, route: Route, things: Mapping[str, str]) -> int:
        method, _, template = named.partition(" ")
        if "signing-keys" in template:
            template = template.replace("{key_id}", "{signing_key_id}")
        values, query, headers = {**things, "name": route.name}, {}, {}
        if "upload" in caller:
            token = things["upload_token"] if caller == "upload token" else "upload_nonsense"
            headers["Authorization"] = f"Bearer {token}"
        elif "link" in caller:
            if not template.startswith("/v1/uploads"):  # where another token is meant by that
                query = {"token": things["link_token"] if caller == "link" else f"{int(time.time()) + 60}.nonsense"}
        elif "token" in caller:
            token = self.token(things["playback_id"] if caller == "playback token" else "another")
            headers["Authorization"] = f"Bearer {token}"
            if "{path:path}" in template:
                values["path"] = f"~{token}/{things['path']}"
            elif not template.startswith("/v1/uploads"):  # where another token is meant by that
                query = {"token": token}
        elif caller in self.secrets:
            headers["Authorization"] = f"Bearer {self.secrets[caller]}"
        path = re.sub(r"\{(\w+)(:path)?\}", lambda found: values[found[1]], template)
        return (await self.client.request(method, path, headers=headers, params=query, **route.send)).status_code


def test_every_route_is_listed_and_no_other() -> None:
    there = set()
    for route in iter_route_contexts(create_app(Settings()).routes):
        there |= {f"{method} {route.path}" for method in route.methods or ["GET"]}
    assert len(there) > 50  # `app.routes` alone would hide what is included
    # HEAD is what GET is.
    assert {each for each in there if not each.startswith("HEAD ") or f"GET {each[5:]}" not in there} == set(ROUTES)


async def test_everyone_gets_what_is_theirs(
    settings: Settings, catalog: Catalog, storage: FilesystemStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gilfoyle.api.medias.DELETE_WAIT_S", 0)
    wrong: list[str] = []
    async with calling(settings.model_copy(update={"auth": AuthSettings(enabled=True)})) as client:
        world = World(client, catalog, storage)
        await world.set_up()
        things = await world.things()
        before = await _facts(catalog, things)
        allowed = []
        for named, route in ROUTES.items():
            for name, caller in CALLERS.items():
                expected = caller.expected(named, route)
                if expected == route.status and not named.startswith("GET "):
                    allowed.append((name, named, route, expected))
                elif (status := await world.call(name, named, route, things)) != expected:
                    wrong.append(f"{named} by {name}: {status}, not {expected}")
        assert await _facts(catalog, things) == before, "something was changed by who may not"
        spoilt = True
        for name, named, route, expected in allowed:
            if spoilt:
                things = await world.things()
            if (status := await world.call(name, named, route, things)) != expected:
                wrong.append(f"{named} by {name}: {status}, not {expected}")
            spoilt = named.startswith(ONCE)
    assert not wrong, "\n".join(wrong)


async def _facts(catalog: Catalog, things: Mapping[str, str]) -> list[object]:
    media = await catalog.playback.media(things["playback_id"])
    keys = [(key.id, key.name, key.revoked_at) for key in await catalog.keys.all()]
    signing = [(key.id, key.revoked_at) for key in await catalog.signing_keys.all()]
    projects = [(project.id, project.name) for project in await catalog.projects.all()]
    view = await catalog.views.one(media.id)
    return [media, view.tracks, [each.id for each in view.playback_ids], keys, signing, projects]
