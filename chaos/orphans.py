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


def expected(medias: Iterable[Mapping[str, Any]], named: Mapping[str, set[str]], there: set[str]) -> set[str]:
    """The keys that the medias of the catalog own. `named`: by media id, the paths that its playlists name.

    One that is Ready has its source and its stream; one that is Errored has its source, unless that is no media. What
    could not take the place of another has its source beside that one's.
    """
    owned = set()
    sources = sources_of(there)
    for media in medias:
        media_id = str(media["id"])
        last = sources.get(media_id, "source")
        if media["status"] == "Errored" and media["error"]["code"] != "not_media":
            owned.add(f"{media_id}/source")
        if media["status"] == "Ready":
            replacement = media["replacement"]
            owned.add(f"{media_id}/source" if media["version"] == 1 else f"{media_id}/{last}")
            if replacement and replacement["error"]["code"] != "not_media":
                owned.add(f"{media_id}/{last}")
            owned.update(f"{media_id}/{media['version']}/{path}" for path in named.get(media_id, ()))
    return owned


def sources_of(there: Iterable[str]) -> dict[str, str]:
    """The name of each media's last source."""
    found: dict[str, str] = {}
    for key in there:
        media_id, _, name = key.partition("/")
        if name == "source" or (name.startswith("source-") and name[7:].isdecimal()):
            found[media_id] = max(found.get(media_id, ""), name, key=lambda each: (len(each), each))
    return found
