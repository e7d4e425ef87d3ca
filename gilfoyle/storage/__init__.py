"""Where medias are kept: one protocol (`base`), one module per backend."""

from __future__ import annotations

from gilfoyle.storage.base import (
    Concatenates,
    ContentAddressed,
    HasPaths,
    ObjectInfo,
    Opens,
    OpensFiles,
    Presigns,
    Resumable,
    SentParts,
    SignsParts,
    Storage,
    WritesNew,
)
from gilfoyle.storage.filesystem.backend import FilesystemStorage
from gilfoyle.storage.storages import Storages, open_storage

__all__ = [
    "Concatenates",
    "ContentAddressed",
    "FilesystemStorage",
    "HasPaths",
    "ObjectInfo",
    "Opens",
    "OpensFiles",
    "Presigns",
    "Resumable",
    "SentParts",
    "SignsParts",
    "Storage",
    "Storages",
    "WritesNew",
    "open_storage",
]
