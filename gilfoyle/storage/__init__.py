"""Where medias are kept: one protocol (`base`), one module per backend."""

from __future__ import annotations

from gilfoyle.storage.base import ContentAddressed, ObjectInfo, Storage
from gilfoyle.storage.filesystem import FilesystemStorage
from gilfoyle.storage.storages import Storages, open_storage

__all__ = ["ContentAddressed", "FilesystemStorage", "ObjectInfo", "Storage", "Storages", "open_storage"]
