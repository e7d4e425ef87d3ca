"""The pipeline's side: a real `gilfoyle up`, an upload over HTTP, and a wait until the media is Ready."""

from __future__ import annotations

from pathlib import Path

import httpx

from bench import cpu, server
from bench.player import download, wait_for_first_play
from bench.results import PipelineRun
from bench.uploads import check, master_url, send, wait_until_ready
from gilfoyle.cli.text import given
from gilfoyle.client import Gilfoyle


def run(source: Path, keep: Path | None = None) -> PipelineRun:
    """Upload the file to a server that has nothing else to do, and measure. Raises GilfoyleError.

    With `keep`, each rendition is then fetched into that folder, as `{name}.mp4`.
    """
    with server.running() as up, Gilfoyle(up.url) as client, httpx.Client(trust_env=False) as http:
        before = cpu.used(up.pid)
        sent = send(client, source)
        master = master_url(up, sent.media_id)
        playable = wait_for_first_play(http, master, lambda: check(given(client.medias.get(sent.media_id))))
        media, ready = wait_until_ready(client, sent.media_id)
        spent = cpu.difference(before, cpu.used(up.pid))
        if keep is not None:
            download(http, master, keep)
    return PipelineRun(
        cpu_s=spent.pop(cpu.WORKERS),
        wall_s=ready - sent.ended,
        segment_bytes={rendition["name"]: rendition["stored_bytes"] for rendition in media["renditions"]},
        first_play_s=playable - sent.ended,
        upload_s=sent.upload_s,
        servers_cpu_s=spent,
    )
