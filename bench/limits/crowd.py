"""Many tiny uploads as fast as they are taken, followed until all are Ready."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from bench import server
from bench.limits.memory import API, LIGHT, TRANSCODE, Sample, all_levels, rss_mb
from bench.limits.patience import Patience
from bench.limits.results import Crowd
from bench.source import Say
from bench.uploads import Sent, check, send
from gilfoyle.cli.text import given
from gilfoyle.client import Gilfoyle

_AT_ONCE = 8
_EVERY_S = 1.0
_SAID_EVERY_S = 10.0


def run(source: Path, uploads: int, say: Say) -> Crowd:
    """Upload it so many times. Raises EncodeFailed if one is Errored or they stand still, and what refuses one."""
    with server.running() as up, Gilfoyle(up.url) as client:
        pool = ThreadPoolExecutor(_AT_ONCE)
        began = time.monotonic()
        try:
            sending = [pool.submit(send, client, source) for _ in range(uploads)]
            return _followed(up.pid, client, sending, began, say)
        finally:
            pool.shutdown(cancel_futures=True)


def _followed(root: int, client: Gilfoyle, sending: Sequence[Future[Sent]], began: float, say: Say) -> Crowd:
    samples: list[Sample] = []
    patience, said, longest, ready = Patience(), began, 0, 0
    while ready < len(sending):
        accepted = sum(_is_accepted(each) for each in sending)
        ready = _ready(client)
        now = time.monotonic()
        done = {API: accepted, LIGHT: ready, TRANSCODE: ready}
        shares = {kind: number / len(sending) for kind, number in done.items()}
        samples.append(Sample(round(now - began, 1), rss_mb(root), shares))
        longest = max(longest, accepted - ready)
        where = f"{accepted} of {len(sending)} are accepted, {ready} are Ready."
        patience.note(accepted + ready, where)
        if now - said > _SAID_EVERY_S:
            said = now
            say(f"… {now - began:.0f} s: {where}")
        time.sleep(_EVERY_S)
    return Crowd(
        uploads=len(sending),
        ready=ready,
        accepted_s=round(max(each.result().ended for each in sending) - began, 1),
        wall_s=samples[-1].at_s,
        longest_queue=longest,
        memory=all_levels(samples),
    )


def _is_accepted(upload: Future[Sent]) -> bool:
    """Raises what refused it."""
    return upload.done() and bool(upload.result())


def _ready(client: Gilfoyle) -> int:
    """How many are Ready. Raises EncodeFailed if one is Errored."""
    for media in islice(client.medias.all(status="Errored", limit=1), 1):
        check(given(media))
    return client.medias.delete_all(status="Ready", dry_run=True).count  # what counts without reading them
