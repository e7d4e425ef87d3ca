"""The two changes that are made to the tree: an object takes its place, an object or folder goes."""

from __future__ import annotations

from posixpath import dirname

from gilfoyle.errors import ObjectNotFound, StorageError
from gilfoyle.storage.ipfs.node import Entry, Node
from gilfoyle.storage.ipfs.tree import Tree


class Placement:
    """Move a staged object to its key, replacing what is there."""

    def __init__(self, node: Node, tree: Tree, key: str, cid: str, staged: str) -> None:
        self._node, self._tree, self._key, self._cid = node, tree, key, cid
        self._path = tree.path(key)
        self._before: Entry | None = None
        self.staged = staged
        """Its name in the staging folder, until it is used up."""
        self.used_up = False

    async def apply(self) -> None:
        """Raises StorageError if a folder has the key, or a file lies where a folder must be."""
        self._before = await self._node.find(self._path)
        if self._before is not None:
            if self._before.folder:
                raise StorageError(f"The object {self._key} can't be stored: a folder is in its place.")
            if self._before.cid == self._cid:
                return
            await self._announce()
        if not await self._moved():
            await self._node.make_folder(dirname(self._path))
            if not await self._moved():
                # Nothing is staged under that name: the staging folder is gone, or another process's flush undid it.
                await self._node.make_folder(self._tree.staging)
                await self._node.put(self._cid, self._path)

    async def holds(self) -> bool:
        now = await self._node.find(self._path)
        if now is None:
            return False
        return self._before is None or now.cid == self._cid or now.cid != self._before.cid

    async def _announce(self) -> None:
        name = self._tree.replacement(self._key, self.staged)
        try:
            await self._node.move(self._tree.staged(self.staged), self._tree.staged(name))
        except ObjectNotFound:
            return
        self.staged = name

    async def _moved(self) -> bool:
        """Whether the object has its place now. A repeated call finds that an earlier one, unanswered, did it."""
        try:
            await self._node.move(self._tree.staged(self.staged), self._path)
        except ObjectNotFound:
            found = await self._node.find(self._path)
            return found is not None and found.cid == self._cid
        self.used_up = True
        return True


class Removal:
    """Move an object or a folder to the staging folder, from where it is removed.

    `files/rm` would do it in one, but writes the folder back into its parents (see ipfs_commit).
    """

    def __init__(self, node: Node, tree: Tree, key: str, *, folder: bool) -> None:
        self._node, self._tree, self._folder = node, tree, folder
        self._path = tree.path(key)
        self._before: Entry | None = None
        self.staged = tree.stage()

    async def apply(self) -> None:
        found = await self._node.find(self._path)
        self._before = found if found is not None and found.folder == self._folder else None
        if self._before is not None:
            try:
                await self._node.move(self._path, self._tree.staged(self.staged))
            except ObjectNotFound:
                if await self._node.find(self._path) is not None:  # so it was the staging folder
                    await self._node.make_folder(self._tree.staging)

    async def holds(self) -> bool:
        if self._before is None:
            return True
        now = await self._node.find(self._path)
        return now is None or now.cid != self._before.cid
