"""Where medias are kept: one protocol (`base`), one module per backend."""

from __future__ import annotations

from gilfoyle.config import StorageSettings
from gilfoyle.storage.base import ObjectInfo, Storage
from gilfoyle.storage.filesystem import FilesystemStorage

__all__ = ["FilesystemStorage", "ObjectInfo", "Storage", "open_storage"]


def open_storage(settings: StorageSettings) -> Storage:
    """The backend that the settings name. Close it when done. Raises StorageError if it can't be used."""
    return FilesystemStorage(settings.filesystem.path)
