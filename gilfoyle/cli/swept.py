"""The result of a sweep as text."""

from __future__ import annotations

from collections.abc import Iterator

from gilfoyle.cli.text import clean, columns, human_bytes
from gilfoyle.temporal.messages import SweepResult, SweptBackend, SweptItem

_REASONS = {
    "no_media": "of no media",
    "moved": "its media lies elsewhere",
    "superseded": "of a version that is not served",
    "errored": "an encoding that failed",
    "abandoned_upload": "an upload that was never accepted",
    "unfinished": "a write that never ended",
}
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def lines(result: SweepResult, *, dry_run: bool) -> Iterator[str]:
    """A line for each thing that was found, and a sentence for each backend."""
    rows = [_row(each.backend, item) for each in result.backends for item in each.items]
    if rows:
        yield from columns([("STORAGE", "AGE", "SIZE", "WHAT", "WHY"), *rows])
    for each in result.backends:
        if more := each.found + each.unfinished_found - len(each.items):
            yield f"… and {more} more in {each.backend}."
    for each in result.backends:
        yield _sentence(each, dry_run=dry_run)


def _row(backend: str, item: SweptItem) -> tuple[str, ...]:
    age = "-" if item.age_s is None else human_age(item.age_s)
    return backend, age, human_bytes(item.bytes), clean(item.key) or "-", _REASONS.get(item.reason, item.reason)


def human_age(age_s: float) -> str:
    """`3 d`, `5 h` or `2 min`: how old something is, roughly."""
    for unit_s, name in _UNITS:
        if age_s >= unit_s:
            return f"{age_s / unit_s:.0f} {name}"
    return f"{max(age_s, 0):.0f} s"


def _sentence(each: SweptBackend, *, dry_run: bool) -> str:
    looked = f"{each.backend}: {_several(each.medias, 'media')} looked at"
    if each.foreign:
        are = "is" if each.foreign == 1 else "are"
        looked += f", {_several(each.foreign, 'folder')} that {are} not ours left alone"
    if each.fault and not each.medias:
        return f"{each.backend}: not swept."
    if not each.found + each.unfinished_found:
        return f"{looked}; nothing to remove."
    if dry_run or each.refused:
        what = _count(each.found, each.unfinished_found)
        return f"{looked}; {what} would be removed, {human_bytes(each.bytes_found)}; nothing was."
    what = _count(each.removed, each.unfinished_removed)
    return f"{looked}; {what} removed, {human_bytes(each.bytes_freed)} freed."


def _count(folders: int, unfinished: int) -> str:
    counts = ((folders, "folder"), (unfinished, "unfinished write"))
    return " and ".join(_several(count, what) for count, what in counts if count) or "nothing"


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
