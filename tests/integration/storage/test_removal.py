"""Removing what a media has in IPFS, when its folder is no longer what was pinned."""

from __future__ import annotations

from uuid import uuid4

import pytest

from gilfoyle.catalog import Catalog, Media
from gilfoyle.config import IpfsSettings
from gilfoyle.storage import keys
from gilfoyle.storage.ipfs.backend import IpfsStorage
from gilfoyle.storage.removal import remove
from tests.kubo_node import KuboNode


@pytest.fixture
async def media(catalog: Catalog) -> Media:
    media = await catalog.medias.create("Film", storage="ipfs")
    await catalog.uploads.accept(media.id, kind="video", file_name="film.mp4", size=3, sha256="0" * 64)
    return media


async def test_a_media_that_is_removed_while_a_rendition_is_tried_again(
    catalog: Catalog, media: Media, kubo: KuboNode
) -> None:
    """What is pinned is the folder as it was: the catalog knows it."""
    ipfs = IpfsStorage(IpfsSettings(api=kubo.api, folder=f"/{uuid4().hex}"))
    folder = keys.encoding_prefix(media.id, 1)
    await ipfs.write(f"{folder}/master.m3u8", uuid4().bytes)
    cid = await ipfs.cid(folder)
    await ipfs.pin(cid, folder)
    await catalog.encodings.finish(media.id, 1, cid)
    await ipfs.write(f"{folder}/720p/00000.m4s", b"half")
    assert await ipfs.cid(folder) != cid
    await catalog.medias.mark_deleting(media.id)
    await remove(ipfs, catalog, media.id)
    assert cid not in kubo.run("pin", "ls", "--type=recursive", "--quiet").split()
    await ipfs.close()
