"""The bare tools: what a person would run for the same job on the same server."""

from __future__ import annotations

from bench.storage.side import Side
from gilfoyle.config import StorageSettings


def open_bare(settings: StorageSettings) -> Side:
    """The tool that does what the backend `driver` does. Raises GilfoyleError if it can't be used."""
    if settings.driver == "s3":
        from bench.storage.bare_s3 import Boto

        return Boto(settings.s3)
    if settings.driver == "ipfs":
        from bench.storage.bare_ipfs import Ipfs

        return Ipfs(settings.ipfs)
    from bench.storage.bare_files import Cp

    return Cp(settings.filesystem)
