"""Signed playback: nothing of it without a token, all of it with one."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urljoin
from uuid import UUID

import httpx
import jwt
import pytest

from gilfoyle.api.tokens import MOST_CHARS, Tokens, Viewer
from gilfoyle.catalog import Catalog, Policy
from gilfoyle.errors import Forbidden
from gilfoyle.storage import FilesystemStorage
from tests.integration.api.conftest import playable, processing

PATHS = ["master.m3u8", "720p/index.m3u8", "720p/init.mp4", "720p/00000.m4s", "audio-128k/00000.m4s", "poster.jpg"]


@dataclass
class Signed:
    """A media that is played with tokens only, and a key that signs them."""

    client: httpx.AsyncClient
    media_id: UUID
    id: str
    key: dict[str, Any]

    def token(self, *, kid: str | None = None, algorithm: str | None = None, secret: Any = None, **claims: Any) -> str:
        """Good for an hour, unless a claim says otherwise; a claim that is None is left out."""
        told = {"sub": self.id, "exp": int(time.time()) + 3600, **claims}
        told = {name: value for name, value in told.items() if value is not None}
        signs = secret or self.key["private_key"] or self.key["secret"]
        how = algorithm or self.key["algorithm"]
        return jwt.encode(told, signs, how, {"kid": kid or self.key["id"]})

    async def get(self, token: str = "", path: str = PATHS[0], **how: Any) -> httpx.Response:
        mark = f"~{token}/" if token else ""
        return await self.client.get(f"/stream/{self.id}/1/{mark}{path}", **how)

    async def refused(self, token: str = "", **how: Any) -> str:
        """The code with which it is refused."""
        answer = await self.get(token, **how)
        assert answer.status_code == 403, answer.text
        return str(answer.json()["code"])


async def make_key(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/v1/signing-keys", json=body)
    assert answer.status_code == 201, answer.text
    return cast(dict[str, Any], answer.json()["data"])


@pytest.fixture
async def signed(client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage) -> AsyncIterator[Signed]:
    media_id = await playable(catalog, storage)
    playback_id = await catalog.playback.add(media_id, Policy.SIGNED)
    yield Signed(client, media_id, playback_id, await make_key(client))


async def test_nothing_is_played_without_a_token_and_all_with_one(signed: Signed) -> None:
    token = signed.token()
    public = (await signed.client.get(f"/v1/medias/{signed.media_id}")).json()["data"]["playback_ids"][0]
    for path in PATHS:
        assert await signed.refused(path=path) == "token_missing"
        assert await signed.refused("nonsense", path=path) == "token_invalid"
        open_to_all = await signed.client.get(f"/stream/{public}/1/{path}")
        for method in ("GET", "HEAD"):
            answer = await signed.client.request(method, f"/stream/{signed.id}/1/~{token}/{path}")
            assert (answer.status_code, answer.headers["ETag"]) == (200, open_to_all.headers["ETag"])
            assert answer.headers["Cache-Control"].startswith("private")
            assert "public" not in answer.headers["Cache-Control"]
        assert open_to_all.content == (await signed.get(token, path)).content


async def test_the_page_needs_the_token_too(signed: Signed) -> None:
    for path in ("", "/state"):
        answer = await signed.client.get(f"/watch/{signed.id}{path}")
        assert (answer.status_code, answer.json()["code"]) == (403, "token_missing")
        answer = await signed.client.get(f"/watch/{signed.id}{path}?token={signed.token()}")
        assert (answer.status_code, answer.headers["Referrer-Policy"]) == (200, "same-origin")


async def test_a_token_on_the_master_leads_below_itself(signed: Signed) -> None:
    master = f"/stream/{signed.id}/master.m3u8"
    assert (await signed.client.get(master)).json()["code"] == "token_missing"
    token = signed.token()
    answer = await signed.client.get(f"{master}?token={token}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (307, "no-store")
    url = urljoin(master, answer.headers["Location"])
    playlist = await signed.client.get(url)
    rendition = next(line for line in playlist.text.splitlines() if not line.startswith("#"))
    segments = await signed.client.get(urljoin(url, rendition))
    segment = next(line for line in segments.text.splitlines() if not line.startswith("#"))
    assert (await signed.client.get(urljoin(urljoin(url, rendition), segment))).status_code == 200


async def test_a_public_id_needs_no_token_and_minds_none(signed: Signed) -> None:
    media = (await signed.client.get(f"/v1/medias/{signed.media_id}")).json()["data"]
    public = media["playback_ids"][0]
    assert media["playback"] == [{"id": public, "policy": "public"}, {"id": signed.id, "policy": "signed"}]
    assert public in media["stream_url"]
    answer = await signed.client.get(f"/stream/{public}/1/~nonsense/720p/00000.m4s")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    assert (await signed.client.get(f"/stream/{public}/master.m3u8?token=nonsense")).status_code == 200


async def test_each_algorithm_with_a_key_that_is_made_here(signed: Signed) -> None:
    for algorithm in ("HS256", "RS256", "EdDSA"):
        signed.key = await make_key(signed.client, algorithm=algorithm)
        assert (await signed.get(signed.token())).status_code == 200
        assert await signed.refused(signed.token()[:-8] + "AAAAAAAA") == "token_invalid"
        listed = (await signed.client.get("/v1/signing-keys")).text
        assert "PRIVATE" not in listed and (signed.key["secret"] or "PRIVATE") not in listed


async def test_a_key_of_ones_own(signed: Signed) -> None:
    private, public = signed.key["private_key"], signed.key["public_key"]
    signed.key = {**await make_key(signed.client, public_key=public), "private_key": private}
    assert (await signed.get(signed.token())).status_code == 200


async def test_what_a_token_says_of_its_signature_counts_for_nothing(signed: Signed) -> None:
    hmac = await make_key(signed.client, algorithm="HS256")
    public = signed.key["public_key"]
    claims = {"sub": signed.id, "exp": int(time.time()) + 3600}

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    none = f"{part({'alg': 'none', 'kid': signed.key['id']})}.{part(claims)}."
    # The public key as a secret: PyJWT would refuse to sign so.
    head = f"{part({'alg': 'HS256', 'kid': signed.key['id']})}.{part(claims)}"
    mixed = f"{head}.{base64.urlsafe_b64encode(jwt.get_algorithm_by_name('HS256').sign(head.encode(), public.encode())).rstrip(b'=').decode()}"  # noqa: E501
    other = signed.token(algorithm="HS384", secret=hmac["secret"], kid=hmac["id"])
    another = signed.token(kid=hmac["id"])
    unknown = signed.token(kid="nobody")
    for token in (none, mixed, other, another, unknown):
        assert await signed.refused(token) == "token_invalid"


async def test_a_token_that_does_not_fit_is_refused(signed: Signed) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"exp": 1}, "token_expired"),
        ({"exp": -1e300}, "token_expired"),
        ({"exp": None}, "token_invalid"),
        ({"exp": "soon"}, "token_invalid"),
        ({"exp": float("nan")}, "token_invalid"),
        ({"exp": float("inf")}, "token_invalid"),
        ({"nbf": 32503680000}, "token_invalid"),
        ({"sub": "another"}, "token_other_media"),
        ({"sub": None}, "token_other_media"),
        ({"aud": "another"}, "token_other_media"),
        ({"aud": ["another", "third"], "sub": None}, "token_other_media"),
        ({"aud": {"a": 1}, "sub": None}, "token_other_media"),
        ({"ip": "10.0.0.0/8"}, "token_other_address"),
        ({"ip": []}, "token_other_address"),
        ({"ip": "nonsense"}, "token_other_address"),
        ({"referrer": "example.org"}, "token_other_site"),
    ]
    for claims, code in cases:
        token = signed.token(**claims)
        assert [await signed.refused(token) for _ in range(2)] == [code, code], claims  # once from memory


async def test_a_token_may_name_several(signed: Signed) -> None:
    for claims in ({"aud": [signed.id, "x"], "sub": None}, {"aud": signed.id}, {"ip": ["10.0.0.0/8", "127.0.0.1"]}):
        assert (await signed.get(signed.token(**claims))).status_code == 200, claims


async def test_a_token_for_pages_of_some_sites(signed: Signed) -> None:
    token = signed.token(referrer=["*.example.org", "Example.net"])
    for referer, right in [
        ("https://www.example.org/film?x", True),
        ("https://EXAMPLE.net:8443/", True),
        ("https://example.org/", False),
        ("https://www.example.org.evil.example/", False),
        ("https://evil.example/www.example.org", False),
        ("", False),
        ("http://[", False),
    ]:
        answer = await signed.get(token, headers={"Referer": referer} if referer else {})
        assert (answer.status_code == 200) is right, referer


async def test_behind_a_proxy_the_viewers_address_counts(signed: Signed) -> None:
    token = signed.token(ip="203.0.113.0/24")
    headers = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
    assert (await signed.get(token, headers=headers)).status_code == 200
    assert await signed.refused(token, headers={"X-Forwarded-For": "203.0.113.9, 198.51.100.1"}) == (
        "token_other_address"
    )


async def test_what_is_no_token_is_refused(signed: Signed) -> None:
    def with_head(head: bytes) -> str:
        return f"{base64.urlsafe_b64encode(head).decode().rstrip('=')}.e30.AA"

    heads = [b"[" * 2000, b'"text"', b'{"alg":"EdDSA","kid":["x"]}', b'{"alg":"EdDSA","kid":"%s"}' % (b"x" * 50)]
    for token in ("a.b.c", "..", "~", "%00", "e30.e30.", "x" * 5000, *map(with_head, heads)):
        assert await signed.refused(token) == "token_invalid", token


async def test_a_token_has_4_kib_at_most(signed: Signed) -> None:
    token = signed.token()
    room = (MOST_CHARS - len(token)) * 3 // 4 - 16
    assert (await signed.get(signed.token(more="x" * room))).status_code == 200
    assert await signed.refused(signed.token(more="x" * (room + 30))) == "token_invalid"


async def test_a_key_is_for_its_projects_medias(signed: Signed, catalog: Catalog) -> None:
    await catalog.projects.create("other")
    signed.key = await make_key(signed.client, project="other")
    for _ in range(2):
        assert await signed.refused(signed.token()) == "token_invalid"


async def test_keys_are_rotated_and_a_revoked_one_plays_nothing_more(signed: Signed) -> None:
    old, new = signed.key, await make_key(signed.client)
    token = signed.token()
    assert (await signed.get(token)).status_code == 200
    signed.key = new
    assert (await signed.get(signed.token())).status_code == 200
    assert (await signed.client.post(f"/v1/signing-keys/{old['id']}/revoke")).json()["data"]["revoked_at"]
    assert await signed.refused(token) == "token_revoked"
    assert (await signed.get(signed.token())).status_code == 200
    assert (await signed.client.delete(f"/v1/signing-keys/{new['id']}")).status_code == 204
    assert await signed.refused(signed.token()) == "token_invalid"
    assert (await signed.client.get(f"/v1/signing-keys/{new['id']}")).status_code == 404


async def test_another_process_sees_a_revocation_once_it_has_forgotten(signed: Signed, catalog: Catalog) -> None:
    viewer = cast(Viewer, SimpleNamespace(token=signed.token()))
    remembering, forgetting = Tokens(catalog), Tokens(catalog, remember_s=0)
    for tokens in (remembering, forgetting):
        await tokens.check(viewer, signed.id, "default")
    await catalog.signing_keys.revoke(signed.key["id"])
    await remembering.check(viewer, signed.id, "default")
    with pytest.raises(Forbidden) as caught:
        await forgetting.check(viewer, signed.id, "default")
    assert caught.value.reason == "token_revoked"


async def test_without_a_token_nobody_learns_how_far_it_is(
    client: httpx.AsyncClient, signed: Signed, catalog: Catalog
) -> None:
    media = await processing(catalog)
    playback_id = await catalog.playback.add(media.id, Policy.SIGNED)
    token = signed.token(sub=playback_id)
    for query, status in (("", 403), (f"?token={token}", 425)):
        assert (await client.get(f"/stream/{playback_id}/master.m3u8{query}")).status_code == status


async def test_a_storage_that_serves_by_itself_is_not_pointed_at(
    signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address would work for whoever has it, and after the key was revoked."""

    async def player_url(self: FilesystemStorage, key: str) -> str:
        return f"https://cdn.example.com/{key}"

    monkeypatch.setattr(FilesystemStorage, "player_url", player_url)
    assert (await signed.get(signed.token(), PATHS[3])).status_code == 200


async def test_a_media_that_is_signed_from_the_beginning(client: httpx.AsyncClient) -> None:
    media = (await client.post("/v1/medias", json={"title": "Film", "playback_policy": "signed"})).json()["data"]
    assert [each["policy"] for each in media["playback"]] == ["signed"]
    assert media["playback_ids"][0] in media["watch_url"]
    answer = await client.post(f"/v1/medias/{media['id']}/playback-ids", json={"policy": "signed"})
    assert (answer.status_code, answer.json()["data"]["policy"]) == (201, "signed")
    assert (await client.post(f"/v1/medias/{media['id']}/playback-ids")).json()["data"]["policy"] == "public"
    for body in ({"policy": "private"}, {"policy": None}, {"polcy": "signed"}):
        assert (await client.post(f"/v1/medias/{media['id']}/playback-ids", json=body)).status_code == 400


PRIVATE = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----"


async def test_what_is_no_signing_key_is_refused(signed: Signed) -> None:
    key = signed.key["public_key"]
    for body, sentence in [
        ({"algorithm": "HS256", "public_key": key}, "HS256 has one secret"),
        ({"algorithm": "RS256", "public_key": key}, "must be one of RSA"),
        ({"public_key": PRIVATE}, "is a private key"),
        ({"public_key": "nonsense"}, "must be a public key as PEM"),
        ({"public_key": "\0é"}, "must be a public key as PEM"),
        ({"algorithm": "none"}, "must be"),
        ({"name": ""}, "at least 1 character"),
    ]:
        answer = await signed.client.post("/v1/signing-keys", json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
        assert sentence in answer.json()["message"]


async def test_there_is_an_end_to_signing_keys(signed: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gilfoyle.catalog.signing.MOST_SIGNING_KEYS", 1)
    answer = await signed.client.post("/v1/signing-keys", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_keys")
    assert (await signed.client.post("/v1/signing-keys", json={"project": "none"})).status_code == 404
