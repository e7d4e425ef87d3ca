"""Copying a folder from one backend to another, with proof that every copy equals its original.

No object is copied by half, and copying can be resumed at any point: what has arrived is not copied again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gilfoyle.errors import ObjectNotFound, StorageError
from gilfoyle.storage.base import ObjectInfo, Storage
from gilfoyle.storage.verified import Damaged, copy_object
from gilfoyle.tasks import gather_or_cancel

_PASSES = 5
_PARALLEL = 4


@dataclass(frozen=True)
class CopyMark:
    """How far the copying of a folder is."""

    key: str = ""
    """All keys up to this one are copied and verified; empty: none."""
    objects: int = 0
    bytes: int = 0


async def copy_folder(
    source: Storage,
    target: Storage,
    prefix: str,
    *,
    expected: Mapping[str, str],
    resume_after: str = "",
    progress: Callable[[CopyMark], None] = lambda _mark: None,
) -> dict[str, ObjectInfo]:
    """Copy everything below the folder `prefix`, until the copy matches the source's list; returns that list.

    `expected`: SHA-256 (hexadecimal) of objects of which it is known, by key. `resume_after`: the last `CopyMark.key`
    of an attempt that died; up to there what has the right size is taken for copied. What else is there already is
    read and compared. Raises Damaged, StorageError.
    """
    return await _Copying(source, target, prefix, expected, progress).run(resume_after)


async def prune(target: Storage, prefix: str, objects: Mapping[str, ObjectInfo]) -> None:
    """Remove what the target has below the folder besides `objects`. Raises StorageError if it lacks one of them."""
    there = {item.key: item.size async for item in target.list(prefix)}
    for key in sorted(there.keys() - objects.keys()):
        await target.delete(key)
    for key, item in objects.items():
        if there.get(key) != item.size:
            raise StorageError(f"The copy of {key} has vanished again.")


class _Copying:
    def __init__(
        self,
        source: Storage,
        target: Storage,
        prefix: str,
        expected: Mapping[str, str],
        progress: Callable[[CopyMark], None],
    ) -> None:
        self._source, self._target, self._prefix = source, target, prefix
        self._expected, self._progress = expected, progress
        self._copied: dict[str, ObjectInfo] = {}
        self._bytes = 0

    async def run(self, resume_after: str) -> dict[str, ObjectInfo]:
        for _ in range(_PASSES):
            wanted = [item async for item in self._source.list(self._prefix)]
            rest = [item for item in wanted if self._copied.get(item.key) != item]
            if not rest:
                return {item.key: item for item in wanted}
            await self._pass(rest, resume_after)
            resume_after = ""
        raise Damaged(f"The objects of {self._prefix} change all the time, or can't be read though they are listed.")

    async def _pass(self, items: Sequence[ObjectInfo], resume_after: str) -> None:
        there = {item.key: item.size async for item in self._target.list(self._prefix)}
        rest = []
        for item in items:
            if item.key <= resume_after and there.get(item.key) == item.size:
                self._note(item)
            else:
                rest.append(item)
        mark = resume_after
        gap = False
        for start in range(0, len(rest), _PARALLEL):
            batch = rest[start : start + _PARALLEL]
            copied = await gather_or_cancel(*(self._copy(item, there=item.key in there) for item in batch))
            gap = gap or not all(copied)
            mark = mark if gap else max(mark, batch[-1].key)
            self._progress(CopyMark(mark, len(self._copied), self._bytes))

    async def _copy(self, item: ObjectInfo, *, there: bool) -> bool:
        """Copy one object; False if it changed after it was listed: the next pass copies it again."""
        try:
            size = await copy_object(
                self._source, self._target, item.key, expected=self._expected.get(item.key), there=there
            )
        except ObjectNotFound:
            return False
        if size != item.size:
            return False
        self._note(item)
        return True

    def _note(self, item: ObjectInfo) -> None:
        before = self._copied.get(item.key)
        self._bytes += item.size - (before.size if before else 0)
        self._copied[item.key] = item
