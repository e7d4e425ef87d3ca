"""Names in a node's MFS: where objects lie, and where those lie that are on their way."""

from __future__ import annotations

import re
import time
from uuid import uuid4

from gilfoyle.storage.base import Unfinished

_STAGED = re.compile(r"(?:(?P<key>[^,]+(?:,[^,]+)*),)?(?P<time>[0-9]+)-[0-9a-f]{32}")


class Tree:
    """Paths below one folder of the MFS.

    Beside it lies a staging folder: an object is added there, whole, and then moved to its place. A replacement is
    named after its key while it is moved, so that readers find it in the moment in which Kubo has taken the old
    object away and not yet put the new one there.
    """

    def __init__(self, folder: str, staging: str = "") -> None:
        """`folder`: an absolute path, such as `/gilfoyle`. `staging`: that of another tree, if it is shared."""
        self.folder = folder
        self.staging = staging or self._at_the_top("tmp")

    def beside(self, name: str) -> Tree:
        """Another tree, of things that are no objects; what is staged for it lies in the same folder."""
        return Tree(self._at_the_top(name), self.staging)

    def _at_the_top(self, name: str) -> str:
        """A folder for this tree. What lies below another one would be written back with it (see `commit`)."""
        return f"/{self.folder.strip('/').replace('/', '.')}.{name}"

    def path(self, key: str) -> str:
        """Where an object or folder lies; the empty key is the folder of all."""
        return f"{self.folder}/{key}" if key else self.folder

    def stage(self) -> str:
        """A new name in the staging folder. It holds the time, since MFS keeps none."""
        return f"{int(time.time())}-{uuid4().hex}"

    def staged(self, name: str) -> str:
        """The path of a name in the staging folder."""
        return f"{self.staging}/{name}"

    def replacement(self, key: str, name: str) -> str:
        """The name that lets readers of `key` find what is staged under `name`. A key has no comma."""
        return f"{key.replace('/', ',')},{name}"

    def replaces(self, name: str, key: str) -> bool:
        """Whether a staged name is that of a replacement of `key`."""
        found = _STAGED.fullmatch(name)
        return found is not None and found["key"] == key.replace("/", ",")

    def unfinished(self, name: str, size: int | None) -> Unfinished:
        """What a staged name tells."""
        found = _STAGED.fullmatch(name)
        if found is None:
            return Unfinished(name, "", size, 0)
        return Unfinished(name, (found["key"] or "").replace(",", "/"), size, float(found["time"]))
