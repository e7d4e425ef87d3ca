"""All backends of one process. Each media records its backend, so medias can move while they are played."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from gilfoyle.config import StorageSettings
from gilfoyle.errors import ConfigError, StorageError
from gilfoyle.storage.base import Storage
from gilfoyle.storage.drivers import opener
from gilfoyle.storage.measured import measured


def open_storage(settings: StorageSettings, name: str = "") -> Storage:
    """Open a backend, by default the one that `storage.driver` names. Close it when done. Blocks for a moment.

    Raises ConfigError if its settings are not enough, StorageError if it can't be used.
    """
    return opener(name or settings.driver)(settings)


class Storages:
    """Each backend is opened when it is first needed, and kept."""

    def __init__(self, settings: StorageSettings, opened: Mapping[str, Storage] | None = None) -> None:
        """`opened`: backends that are open already, by name; they are closed with the others."""
        self._settings = settings
        self._opened: dict[str, Storage] = dict(opened or {})
        self._opening = asyncio.Lock()

    @property
    def default(self) -> str:
        """The name of the backend in which new medias are kept."""
        return self._settings.driver

    async def of(self, name: str) -> Storage:
        """The backend in which something lies. Raises StorageError, also if it is not configured.

        For as long as that is so: another process may be able to open it, and an operator can put this one right.
        """
        try:
            return await self.open(name)
        except ConfigError as error:
            raise StorageError(
                f"This server can't open the storage {name or self.default}, in which it lies. {error.message}",
                code="storage_not_configured",
            ) from error

    async def open(self, name: str = "") -> Storage:
        """The backend of that name; empty: the default one. Raises ConfigError, StorageError."""
        name = name or self.default
        if name not in self._opened:
            async with self._opening:
                if name not in self._opened:
                    opened = await asyncio.to_thread(open_storage, self._settings, name)
                    self._opened[name] = measured(opened, name)
        return self._opened[name]

    async def close(self) -> None:
        """Close every backend that was opened."""
        opened, self._opened = self._opened, {}
        for storage in opened.values():
            await storage.close()
