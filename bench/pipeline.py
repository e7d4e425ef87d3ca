"""The pipeline's side: a real `gilfoyle up`, an upload over HTTP, and a wait until the media is Ready."""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from bench import cpu, server
from bench.player import wait_for_first_play
from bench.results import PipelineRun
from gilfoyle.cli.client import Client, Json
from gilfoyle.cli.follow import poll
from gilfoyle.cli.multipart import UploadBody
from gilfoyle.errors import EncodeFailed

_POLL_S = 0.5


def run(source: Path) -> PipelineRun:
    """Upload the file to a server that has nothing else to do, and measure. Raises GilfoyleError."""
    with server.running() as up, Client(up.url) as client, httpx.Client(trust_env=False) as http:
        media = client.create(source.stem)
        before = cpu.used(up.pid)
        began = time.monotonic()
        _upload(client, media["id"], source)
        uploaded = time.monotonic()

        master = f"{up.url}/medias/{media['id']}/stream/master.m3u8"
        wait_for_first_play(http, master, lambda: _check(client.media(media["id"])))
        playable = time.monotonic()
        *_, media = poll(client, media["id"], pause=_POLL_S)
        ready = time.monotonic()

        spent = cpu.difference(before, cpu.used(up.pid))
    _check(media)
    return PipelineRun(
        cpu_s=spent.pop(cpu.WORKERS),
        wall_s=ready - uploaded,
        segment_bytes={rendition["name"]: rendition["stored_bytes"] for rendition in media["renditions"]},
        first_play_s=playable - uploaded,
        upload_s=uploaded - began,
        servers_cpu_s=spent,
    )


def _upload(client: Client, media_id: str, source: Path) -> None:
    with source.open("rb") as file:
        client.upload(media_id, "video", UploadBody(file, source.name, source.stat().st_size, lambda _: None))


def _check(media: Json) -> None:
    if media["status"] == "Errored":
        error = media["error"] or {}
        raise EncodeFailed(f"Gilfoyle could not encode {media['file_name']}: {error.get('message')}")
