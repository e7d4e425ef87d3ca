"""What the log says of a media's life: once it is true, once each."""

from __future__ import annotations

import logging
from uuid import UUID

import pytest

from gilfoyle.catalog import Catalog, Media
from gilfoyle.errors import Conflict

SHA256 = "0" * 64


@pytest.fixture(autouse=True)
def informed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gilfoyle.catalog.told")


def said(caplog: pytest.LogCaptureFixture, media: Media) -> list[str]:
    """What was said of it since the last time."""
    found = [record for record in caplog.records if record.name == "gilfoyle.catalog.told"]
    caplog.clear()
    assert {UUID(record.media_id) for record in found} <= {media.id}  # type: ignore[attr-defined]
    return [record.getMessage().removeprefix(f"media {media.id} ") for record in found]


async def accepted(catalog: Catalog, size: int = 12_345) -> Media:
    media = await catalog.medias.create("Film")
    return await catalog.uploads.accept(media.id, kind=None, file_name=None, size=size, sha256=SHA256)


async def test_from_upload_to_ready(catalog: Catalog, caplog: pytest.LogCaptureFixture) -> None:
    media = await accepted(catalog)
    assert said(caplog, media) == ["is uploaded: 12,345 bytes"]
    await catalog.encodings.plan(media.id, 1, [], probe=({}, 60.0))
    for _ in range(2):
        await catalog.encodings.progress(media.id, 1, [], playable=True, progress=0.1)
    [playable] = said(caplog, media)
    assert playable.startswith("is playable after ") and playable.endswith(" s")
    for _ in range(2):
        await catalog.encodings.finish(media.id, 1)
    [ready] = said(caplog, media)
    assert ready.startswith("is ready after ") and "60.0 s long" in ready and "times as fast as it plays" in ready


async def test_what_fails_is_a_warning_with_its_reason(catalog: Catalog, caplog: pytest.LogCaptureFixture) -> None:
    media = await accepted(catalog)
    said(caplog, media)
    await catalog.encodings.fail(media.id, "encode_failed", "It can't be encoded.")
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.figures.keys() == {"elapsed_s"}  # type: ignore[attr-defined]
    [errored] = said(caplog, media)
    assert errored.startswith("is errored after ") and errored.endswith(" s: encode_failed: It can't be encoded.")
    again = await catalog.retries.begin_again(media.id, 1)
    assert again.begun_at and media.begun_at and again.begun_at > media.begun_at
    assert said(caplog, media) == []


async def test_a_replacement(catalog: Catalog, caplog: pytest.LogCaptureFixture) -> None:
    media = await accepted(catalog)
    await catalog.encodings.finish(media.id, 1)
    said(caplog, media)
    _, replacement = await catalog.replacements.encode(media.id)
    await catalog.encodings.fail(media.id, "encode_failed", "No.", replacement.encoding)
    assert said(caplog, media) == ["is not replaced: encode_failed: No."]
    _, replacement = await catalog.replacements.begin_again(media.id)
    await catalog.encodings.finish(media.id, replacement.encoding)
    [replaced] = said(caplog, media)
    assert replaced.startswith(f"plays version {replacement.encoding} after ")


async def test_what_was_not_done_is_not_told(catalog: Catalog, caplog: pytest.LogCaptureFixture) -> None:
    media = await accepted(catalog)
    said(caplog, media)
    with pytest.raises(Conflict):
        await catalog.uploads.accept(media.id, kind=None, file_name=None, size=1, sha256=SHA256)
    assert said(caplog, media) == []
