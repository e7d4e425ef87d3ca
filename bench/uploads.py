"""A file sent over HTTP, as an application does it, and the waits for what becomes of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench.server import Server
from gilfoyle.cli.follow import poll
from gilfoyle.cli.text import Json
from gilfoyle.cli.transfer import examine, upload
from gilfoyle.client import Gilfoyle
from gilfoyle.errors import EncodeFailed

_POLL_S = 0.5


@dataclass(frozen=True)
class Sent:
    """An upload that was answered. Times by `time.monotonic`, in seconds."""

    media_id: str
    began: float
    ended: float
    """The last byte was sent, and the answer has come."""

    @property
    def upload_s(self) -> float:
        return self.ended - self.began


def send(client: Gilfoyle, source: Path, kind: str | None = None) -> Sent:
    """Create a media and upload the file; `kind`: `audio` for its audio only. Raises GilfoyleError."""
    began = time.monotonic()
    media = upload(client, examine(source, kind), Console(stderr=True), media={"title": source.stem})
    return Sent(media["id"], began, time.monotonic())


def master_url(server: Server, media_id: str) -> str:
    """The media's multivariant playlist."""
    with Gilfoyle(server.url) as client:
        return f"{server.url}/stream/{client.medias.get(media_id).playback_ids[0]}/master.m3u8"


def wait_until_ready(client: Gilfoyle, media_id: str, pause_s: float = _POLL_S) -> tuple[Json, float]:
    """The media once it is Ready, and when that was seen. Raises EncodeFailed if it is Errored."""
    *_, media = poll(client, media_id, pause=pause_s)
    seen = time.monotonic()
    check(media)
    return media, seen


def check(media: Json) -> None:
    """Raises EncodeFailed if there will never be anything to play."""
    if media["status"] == "Errored":
        error = media["error"] or {}
        raise EncodeFailed(f"Gilfoyle could not encode {media['file_name']}: {error.get('message')}")
