"""What lies in the storage against what should: an object that no media names is an orphan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gilfoyle.config import StorageSettings
from gilfoyle.storage.storages import open_storage


async def listed(settings: StorageSettings) -> tuple[set[str], list[str]]:
    """Every key in the storage, and what there is of writes that never ended. Raises StorageError."""
    storage = open_storage(settings)
    try:
        found = set()
        async for folder in storage.folders():
            found.update({item.key async for item in storage.list(folder)})
        unfinished = [write.key or write.id async for write in storage.unfinished()]
    finally:
        await storage.close()
    return found, unfinished


def expected(
    medias: Iterable[Mapping[str, Any]], named: Mapping[str, set[str]], encodings: Mapping[str, int]
) -> set[str]:
    """The keys that the medias of the catalog own. `named`: by media id, the paths that its playlists name.

    One that is Ready has its source and its stream; one that is Errored has its source, unless that is no media.
    """
    owned = set()
    for media in medias:
        media_id = str(media["id"])
        if media["status"] == "Errored" and media["error"]["code"] != "not_media":
            owned.add(f"{media_id}/source")
        if media["status"] == "Ready":
            owned.add(f"{media_id}/source")
            owned.update(f"{media_id}/{encodings.get(media_id, 1)}/{path}" for path in named.get(media_id, ()))
    return owned


def encodings_of(there: Iterable[str]) -> dict[str, int]:
    """The number of each media's encoding, by where its master playlist lies: the API does not tell it.

    Of several, the last: those before it are orphans.
    """
    found: dict[str, int] = {}
    for key in there:
        match key.split("/"):
            case [media_id, number, "master.m3u8"] if number.isdecimal():
                found[media_id] = max(found.get(media_id, 0), int(number))
    return found
