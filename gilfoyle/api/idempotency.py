"""A POST with an Idempotency-Key is done once (draft-ietf-httpapi-idempotency-key-header-07).

The same request with the same key gets the answer that the first one got, for a day; another request is refused. Keys
belong to a project. What fails may be sent again with its key: only what was done counts. Uploads of files heed no key:
an upload has an offset, or a media that takes one.
"""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gilfoyle.api.addresses import app_path
from gilfoyle.api.auth import caller_of
from gilfoyle.api.errors import problem
from gilfoyle.api.services import Services
from gilfoyle.api.small_bodies import is_upload
from gilfoyle.catalog.idempotency import Once, Stored
from gilfoyle.errors import Conflict, GilfoyleError, IdempotencyKeyReused, InvalidRequest

log = logging.getLogger(__name__)
HEADER = "Idempotency-Key"
# A string of structured fields (RFC 9651, 3.3.3), as the draft has it, or the same without its quotes.
_KEY = re.compile(r'"([\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,255})')
# Their answers hold a secret, which nobody keeps.
_SECRET = re.compile(r"/v1/((keys|signing-keys|webhooks|uploads)(/.*)?|medias/[^/]+/source/links)")
_KEPT_HEADERS = {b"content-type", b"location", b"etag"}
_PARAMETER: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "description": "done once, however often it is sent with this key within a day: then its answer is repeated",
    "schema": {"type": "string", "minLength": 1, "maxLength": 257},
    "example": '"8e03978e-40d5-43e8-bc93-6894a57f9324"',
}


class DoOnce:
    """Middleware, next to the router: it needs the whole body, and what the router answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _heeds(scope):
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope)[HEADER]
        try:
            key = _key(given)
            caller = await caller_of(Request(scope))
        except InvalidRequest as error:
            await problem(error)(scope, receive, send)
            return
        except GilfoyleError:  # the route says it, too
            await self._app(scope, receive, send)
            return
        body = await receive()  # all of it: it was read before
        place = _Place(scope["app"].state.services, caller.only or "*", key, _SECRET.fullmatch(app_path(scope)) is None)
        fingerprint = _fingerprint(scope, body.get("body", b""), str(caller.scope))
        try:
            before = await place.services.catalog.idempotency.claim(place.project, key, fingerprint)
            if before is not None:
                await _again(before, fingerprint, scope, receive, send)
                return
        except GilfoyleError as error:
            await problem(error)(scope, receive, send)
            return
        await self._do(place, scope, _with(body, receive), send)

    async def _do(self, place: _Place, scope: Scope, receive: Receive, send: Send) -> None:
        """Answered once the answer is kept: who has seen it may rely on that."""
        answer = _Answer()
        try:
            await self._app(scope, receive, answer.take)
        finally:
            await place.end(answer)
        for message in answer.messages:
            await send(message)


@dataclass
class _Answer:
    messages: list[Message] = field(default_factory=list)

    async def take(self, message: Message) -> None:
        self.messages.append(message)

    def stored(self) -> Stored | None:
        """What is kept; None: it was not done."""
        if not self.messages or not 200 <= self.messages[0]["status"] < 300:
            return None
        headers = [[n.decode(), v.decode("latin-1")] for n, v in self.messages[0]["headers"] if n in _KEPT_HEADERS]
        return Stored(
            self.messages[0]["status"], headers, b"".join(each.get("body", b"") for each in self.messages[1:])
        )


@dataclass(frozen=True)
class _Place:
    """Where the answer is kept."""

    services: Services
    project: str
    key: str
    keeps_body: bool

    async def end(self, answer: _Answer) -> None:
        """If the catalog is away by now, the key is free in a minute."""
        found, store = answer.stored(), self.services.catalog.idempotency
        try:
            if found is None:
                await store.release(self.project, self.key)
            else:
                body = found.body if self.keeps_body else None
                await store.keep(self.project, self.key, Stored(found.status, found.headers, body))
        except GilfoyleError as error:
            log.warning("what was answered to a key is not kept: %s", error.message)


def describe(app: FastAPI) -> None:
    """Add the header to the API's description of each route that heeds it."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        found = described()
        for path, operations in found["paths"].items():
            post = operations.get("post")
            if post and path.startswith("/v1/") and not is_upload({"path": path, "headers": []}):
                known = post.setdefault("parameters", [])
                if _PARAMETER not in known:
                    known.append(_PARAMETER)
        return found

    app.openapi = openapi  # type: ignore[method-assign]


def _heeds(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "POST" or not app_path(scope).startswith("/v1/"):
        return False
    return any(name == HEADER.lower().encode() for name, _value in scope["headers"]) and not is_upload(scope)


def _key(given: str) -> str:
    match = _KEY.fullmatch(given.strip())
    if match is None:
        why = "must be 1 to 255 printable characters without spaces, in quotes"
        raise InvalidRequest(f"{HEADER} {why}.", code="bad_idempotency_key", fields={HEADER: why})
    return match[1] or match[2]


def _fingerprint(scope: Scope, body: bytes, who: str) -> str:
    parts = (app_path(scope).encode(), scope["query_string"], Headers(scope=scope).get("content-type", "").encode())
    return hashlib.sha256(b"\0".join((*parts, who.encode(), body))).hexdigest()


async def _again(before: Once, fingerprint: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Raises GilfoyleError if the answer can't be given."""
    if before.fingerprint != fingerprint:
        raise IdempotencyKeyReused(f"This {HEADER} was given to another request: each request has its own.")
    if before.status is None:
        raise Conflict("The same request is just being answered: ask again in a moment.", code="in_progress")
    if before.body is None:
        raise Conflict("It was done already, and the secret in its answer is shown once.", code="shown_once")
    headers = [(name.encode(), value.encode("latin-1")) for name, value in before.headers or []]
    length = (b"content-length", str(len(before.body)).encode())
    headers += [length, (b"idempotency-replayed", b"true")]
    await send({"type": "http.response.start", "status": before.status, "headers": headers})
    await send({"type": "http.response.body", "body": before.body})


def _with(first: Message, receive: Receive) -> Receive:
    messages = [first]

    async def next_message() -> Message:
        return messages.pop() if messages else await receive()

    return next_message
