"""A media that lies in a storage for which this server has no settings: another may have them, or this one soon."""

from __future__ import annotations

import httpx
import pytest

from gilfoyle.catalog import Attachment, Catalog
from tests.integration.api.conftest import address, processing


@pytest.mark.parametrize(("storage", "words"), [("s3", "storage.s3.bucket is empty"), ("tape", "install the package")])
async def test_it_is_told_what_to_set(client: httpx.AsyncClient, catalog: Catalog, storage: str, words: str) -> None:
    media = await processing(catalog, storage=storage)
    row = Attachment(media_id=media.id, name="a.txt", id="a" * 32, bytes=1, sha256="0" * 64)
    await catalog.attachments.put(row, storage, replace=False)
    await catalog.encodings.finish(media.id, 1)
    path, stream = f"/v1/medias/{media.id}", await address(catalog, media.id)
    srt = {"file": ("de.srt", b"1\n00:00:01,000 --> 00:00:02,000\nHallo\n")}
    asked = [
        client.get(f"{stream}/master.m3u8"),
        client.get(f"{stream}/720p/00000.m4s"),
        client.get(f"{path}/source"),
        client.put(f"{path}/source", content=b"film", params={"replace": "true"}),
        client.get(f"{path}/attachments/a.txt"),
        client.put(f"{path}/attachments/b.txt", content=b"b"),
        client.post(f"{path}/tracks", files=srt),
    ]
    for answer in [await each for each in asked]:
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_not_configured"), answer.request.url
        assert answer.json()["type"] == "storage_failed" and words in answer.json()["message"]
        assert answer.headers["Retry-After"]
    # What is only said in the catalog is done, and the storage is seen to later.
    assert (await client.head(f"{path}/source")).status_code == 204
    assert (await client.delete(f"{path}/source")).status_code == 204
    assert (await client.delete(f"{path}/attachments/a.txt")).status_code == 204
