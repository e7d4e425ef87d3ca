"""The rules of a sweep: what in a storage no media owns. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from gilfoyle.catalog import MediaStatus, Owner
from gilfoyle.storage import ObjectInfo, keys
from gilfoyle.storage.base import Unfinished

SHORTEST_S = 60
"""A write that has been silent for less than this (seconds) may be alive, whatever the operator wants."""
BEGUN_S = 7 * 86400
"""Some backends know only when a write began, not what it writes: an upload may take this long (seconds)."""
FEW = 10
"""This many orphans are removed even if they are most of a backend."""


@dataclass(frozen=True)
class Claim:
    """What in a media's folder is an orphan if it is old enough."""

    reason: str
    """One of those that `workflows.messages.SweptItem` names."""
    kept: int = 0
    """The encoding that must stay; 0: none has to."""
    source: bool = False
    """The source goes, and so the whole folder; else encodings only."""
    unknown_age_s: float = 0
    """Its age (seconds) if the backend does not know it."""


@dataclass(frozen=True)
class Content:
    """What lies in a folder."""

    objects: int
    bytes: int
    age_s: float | None
    """Since the newest object was written, in seconds; None if that is not known, or there is no object."""


@dataclass(frozen=True)
class Orphan:
    """An orphan: a media's folder; with `encoding`, that encoding; with `upload`, its source."""

    media_id: UUID
    encoding: int | None
    reason: str
    content: Content
    upload: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all of the media is removed."""
        return self.encoding is None and self.upload is None

    @property
    def key(self) -> str:
        """The folder, or the object."""
        if self.upload is not None:
            return keys.source(self.media_id, self.upload)
        if self.encoding is None:
            return keys.media_prefix(self.media_id)
        return keys.encoding_prefix(self.media_id, self.encoding)


def media_of(folder: str) -> UUID | None:
    """The media of a folder name; None if it is not spelt as we spell ids: it is not ours."""
    try:
        media_id = UUID(folder)
    except ValueError:
        return None
    return media_id if str(media_id) == folder else None


def encoding_of(folder: str) -> int | None:
    """The encoding whose folder in a media's this is; None if it is none."""
    return int(folder) if folder.isascii() and folder.isdigit() and folder[0] != "0" else None


def claim(owner: Owner | None, backend: str, older_than_s: float, *, moving: bool) -> Claim | None:
    """What may be an orphan of a media that has a folder in `backend`; None: nothing.

    `owner`: its row, if any. `moving`: medias are moving between backends.
    """
    if owner is None:
        return Claim("no_media", source=True, unknown_age_s=math.inf)
    if owner.status in (MediaStatus.PROCESSING, MediaStatus.DELETING) or owner.replacing:
        return None
    if owner.storage != backend:
        # The half that a move has copied looks as what one that broke off has left.
        return None if moving else Claim("moved", source=True)
    if owner.status == MediaStatus.READY:
        if owner.encodings == 1 and not owner.source_deleted:
            return None
        if owner.idle_s <= older_than_s:  # players may be on the version that was replaced
            return None
        return Claim("superseded", kept=owner.encoding, unknown_age_s=owner.idle_s)
    if owner.status == MediaStatus.ERRORED:
        return Claim("errored", unknown_age_s=owner.idle_s)
    if owner.uploading or owner.idle_s <= older_than_s:
        return None
    return Claim("abandoned_upload", source=True, unknown_age_s=owner.idle_s)


def claimed_encodings(claim: Claim, folders: Iterable[str]) -> list[int]:
    """Which encodings among the folders of a media may be orphans.

    None of them if the one that must stay is missing: then catalog and storage are from different times.
    """
    encodings = [encoding for folder in folders if (encoding := encoding_of(folder)) is not None]
    if claim.kept and claim.kept not in encodings:
        return []
    return [encoding for encoding in encodings if encoding != claim.kept]


def claimed_sources(owner: Owner) -> list[int]:
    """The uploads whose sources may be orphans: those of replaced or dropped versions, and what was deleted."""
    return [] if owner.uploading else [n for n in range(1, owner.uploads + 1) if n not in owner.sources]


def content(objects: Iterable[ObjectInfo], now: float) -> Content:
    """The summary of these objects. `now`: in seconds since the epoch."""
    size = 0
    times: list[float] = []
    for item in objects:
        size += item.size
        times.append(item.modified)
    known = bool(times) and min(times) > 0
    return Content(len(times), size, now - max(times) if known else None)


def is_old(claim: Claim, found: Content, older_than_s: float) -> bool:
    """Whether a possible orphan is old enough. Never if it is empty: it may have been emptied a moment ago."""
    return found.objects > 0 and (claim.unknown_age_s if found.age_s is None else found.age_s) > older_than_s


def is_dead(
    write: Unfinished, owner: Owner | None, backend: str, older_than_s: float, now: float, *, busy: bool
) -> bool:
    """Whether an unfinished write is abandoned. `owner`: the row of the media it is for, if that is known.

    `busy`: an upload or a move is writing into the backend, so what has no key may be its.
    """
    age_s = now - write.modified
    if write.key and media_of(write.key.partition("/")[0]) is None:
        return False
    if write.modified <= 0 or age_s <= max(older_than_s, SHORTEST_S):
        return False
    if not write.key:
        return not busy or age_s > BEGUN_S
    if owner is None:
        return True
    return not owner.uploading and not (busy and owner.storage != backend)


def too_many(orphans: Iterable[Orphan], medias: int) -> bool:
    """Whether so many medias would be removed that the catalog is probably wrong. `medias`: how many folders."""
    gone = sum(orphan.is_whole for orphan in orphans)
    return gone > FEW and gone * 2 > medias
