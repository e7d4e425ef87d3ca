"""What the workflow does for a file that came by an upload session: its checksum, and a limit of its own."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gilfoyle.catalog import MediaStatus
from tests.integration.workflows.service import Service, fault


async def test_the_checksum_is_taken_before_it_is_ready(service: Service, film: Path) -> None:
    media = await service.accept(film, sha256=None)
    assert media.source_sha256 is None
    await (await service.process(media, without_checksum=True)).result()
    ready = await service.media(media)
    expected = hashlib.sha256(film.read_bytes()).hexdigest()
    assert (ready.status, ready.source_sha256) == (MediaStatus.READY, expected)


async def test_it_may_be_limited_to_so_many_seconds(service: Service, film: Path) -> None:
    media = await service.accept(film)
    failed = await fault(await service.process(media, longest_s=3.5))
    assert failed.details == ("too_long",)
