"""The available backends: ours, and those that other packages offer by an entry point.

A package offers one by the entry point group `gilfoyle.storage`: the point's name is the driver's name, and what it
names is called with the `StorageSettings` (its own settings lie in `options`) and returns a `Storage`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.metadata import EntryPoint, entry_points

from gilfoyle.config import StorageSettings
from gilfoyle.errors import ConfigError, GilfoyleError
from gilfoyle.storage.base import Storage

GROUP = "gilfoyle.storage"
Opener = Callable[[StorageSettings], Storage]


# Imported when they are opened: boto3 alone takes a fifth of a second, for those who have no bucket.
def _filesystem(settings: StorageSettings) -> Storage:
    from gilfoyle.storage.filesystem.backend import FilesystemStorage

    return FilesystemStorage(settings.filesystem.path)


def _s3(settings: StorageSettings) -> Storage:
    from gilfoyle.storage.s3.backend import S3Storage

    return S3Storage(settings.s3)


def _ipfs(settings: StorageSettings) -> Storage:
    from gilfoyle.storage.ipfs.backend import IpfsStorage

    return IpfsStorage(settings.ipfs)


_OURS: dict[str, Opener] = {"filesystem": _filesystem, "s3": _s3, "ipfs": _ipfs}


def names() -> list[str]:
    """The drivers that can be named in `storage.driver`, ours first."""
    return [*_OURS, *sorted({point.name for point in entry_points(group=GROUP)} - set(_OURS))]


def opener(name: str) -> Opener:
    """What opens the backend of that name. Raises ConfigError if there is none, or its package can't be loaded.

    Errors of another package's opener become ConfigError, too, when it is called.
    """
    if name in _OURS:
        return _OURS[name]
    points = entry_points(group=GROUP, name=name)
    if not points:
        raise ConfigError(
            f"There is no storage backend {name!r}: storage.driver can be {', '.join(names())}. "
            "Correct it, or install the package that offers the backend."
        )
    (point, *others) = points
    if others:
        raise ConfigError(f"Several packages offer the storage backend {name!r}: uninstall all but one.")
    try:
        found: Opener = point.load()
    except Exception as error:  # whatever a package's import raises
        raise ConfigError(f"The storage backend {name!r} ({point.value}) can't be loaded: {error}") from error
    return partial(_open, name, point, found)


def _open(name: str, point: EntryPoint, call: Opener, settings: StorageSettings) -> Storage:
    """Call the opener; the message of an error names the package."""
    try:
        storage: object = call(settings)
    except GilfoyleError:
        raise
    except Exception as error:
        raise ConfigError(
            f"The storage backend {name!r} ({point.value}) can't be opened: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(storage, Storage):
        lacks = [method for method in vars(Storage) if not method.startswith("_") and not hasattr(storage, method)]
        raise ConfigError(f"The storage backend {name!r} ({point.value}) is not complete: it lacks {', '.join(lacks)}.")
    return storage
