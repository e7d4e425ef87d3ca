"""Where medias are kept: one protocol (`base`), one module per backend."""

from __future__ import annotations

from gilfoyle.storage.base import ContentAddressed, ObjectInfo, Opens, Resumable, Storage, WritesNew
from gilfoyle.storage.filesystem.backend import FilesystemStorage
from gilfoyle.storage.storages import Storages, open_storage

__all__ = [
    "ContentAddressed",
    "FilesystemStorage",
    "ObjectInfo",
    "Opens",
    "Resumable",
    "Storage",
    "Storages",
    "WritesNew",
    "open_storage",
]
