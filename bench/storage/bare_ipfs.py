"""IPFS's bare tool: the `ipfs` command, which asks the same daemon."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from bench.servers.kubo import binary
from bench.storage.tools import run
from gilfoyle.config import IpfsSettings
from gilfoyle.errors import StartupError


class Ipfs:
    """`ipfs add` and `ipfs cat`; nothing is pinned, as the backend pins nothing while it stores."""

    def __init__(self, settings: IpfsSettings) -> None:
        program = binary()
        if program is None:
            raise StartupError("There is no `ipfs` program.")
        api = urlsplit(settings.api)
        self._command = [program, f"--api=/ip4/{api.hostname}/tcp/{api.port}"]
        self._cid = ""
        self._names: list[str] = []
        run([*self._command, "id"])

    def put_object(self, source: Path) -> None:
        self._cid = self._add(str(source))

    def get_object(self) -> int:
        run([*self._command, "cat", self._cid])
        return 0

    def put_segments(self, folder: Path) -> None:
        self._names = sorted(file.name for file in folder.iterdir())
        self._cid = self._add("-r", str(folder))

    def get_segments(self) -> int:
        """One `cat` of all: `ipfs get` would have the disk's work to do as well."""
        run([*self._command, "cat"], "\n".join(f"{self._cid}/{name}" for name in self._names))
        return 0

    def close(self) -> None:
        """Nothing is open."""

    def _add(self, *what: str) -> str:
        """The CID of the file, or of the folder: it is the last that is printed."""
        said = run([*self._command, "add", "-q", "--pin=false", "--cid-version=1", *what], keep=True)
        return said.split()[-1]
