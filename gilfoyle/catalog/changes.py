"""Which events a change of rows is. Every change that passes a session is seen here, whoever makes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.orm import Session

from gilfoyle.catalog.models import (
    FINAL,
    Import,
    ImportStatus,
    Media,
    MediaStatus,
    Rendition,
    RenditionStatus,
    Replacement,
    now,
)
from gilfoyle.catalog.outbox import EventType, Happening, add, write
from gilfoyle.catalog.told import tell

STEPS = 20
"""Progress is told this often from nothing to the whole, however many segments there are."""
_DESCRIPTION = {
    "title": "title",
    "description": "description",
    "external_id": "external_id",
    "client_metadata": "metadata",
    "tags": "tags",
    "expires_at": "expires_at",
    "options": "options",
    "source_deleted_at": "source_deleted_at",
}
"""Columns of a media that people change, and what the API calls them."""


_WRITTEN = "written"


class RecordingSession(Session):
    """A session that writes what its changes mean into the outbox, in its own transaction."""


@event.listens_for(RecordingSession, "before_flush")
def _note(session: Session, *_: object) -> None:
    """Before it is flushed the session knows what the rows were."""
    add(session, *happenings(session))


@event.listens_for(RecordingSession, "before_commit")
def _write(session: Session) -> None:
    session.flush()
    session.info[_WRITTEN] = write(session)


@event.listens_for(RecordingSession, "after_commit")
def _tell(session: Session) -> None:
    tell(session.info.pop(_WRITTEN, []))


def happenings(session: Session) -> list[Happening]:
    """What the changes are that the session has not flushed: of renditions first, of their media last."""
    found: list[Happening] = []
    for row in session.dirty:
        if isinstance(row, Rendition):
            found += _of_rendition(row, _media_of(session, row))
    for row in (*session.new, *session.dirty):
        if isinstance(row, Replacement):
            found += _of_replacement(row, _media_of(session, row))
        elif isinstance(row, Import):
            found += _of_import(row, _media_of(session, row), new=row in session.new)
    for row in session.deleted:
        if isinstance(row, Replacement):
            found += _of_dropped(row, _media_of(session, row))
        elif isinstance(row, Import) and row.is_running:
            found.append(_import(EventType.IMPORT_DELETED, row, _media_of(session, row)))
    for row in (*session.new, *session.dirty):
        if isinstance(row, Media):
            found += [_media(EventType.MEDIA_CREATED, row, title=row.title)] if row in session.new else _of_media(row)
    return found


def _of_media(media: Media) -> Iterator[Happening]:
    if _has_changed(media, "status") and media.status == MediaStatus.DELETING:
        yield _media(EventType.MEDIA_DELETED, media)
        return
    begun = media.status == MediaStatus.PROCESSING
    if _has_changed(media, "uploads") and begun:
        yield _media(EventType.MEDIA_UPLOADED, media, **_source(media))
    elif _has_changed(media, "encoding"):
        yield _media(EventType.MEDIA_RETRIED if begun else EventType.MEDIA_REPLACED, media)
    if _has_changed(media, "playable") and media.playable:
        yield _media(EventType.MEDIA_PLAYABLE, media)
    if _has_changed(media, "status") and media.status == MediaStatus.READY:
        yield _media(EventType.MEDIA_READY, media)
    elif _has_changed(media, "status") and media.status == MediaStatus.ERRORED:
        yield _media(EventType.MEDIA_ERRORED, media, error=_error(media))
    elif begun and _has_advanced(media):
        yield _media(EventType.MEDIA_PROGRESS, media)
    if changed := [shown for name, shown in _DESCRIPTION.items() if _has_changed(media, name)]:
        yield _media(EventType.MEDIA_UPDATED, media, changed=changed)


def _of_replacement(row: Replacement, media: Media) -> Iterator[Happening]:
    if _has_changed(row, "encoding"):
        yield _replacement(EventType.REPLACEMENT_CREATED, row, media, **_source(row))
    elif _has_changed(row, "status") and row.status == MediaStatus.ERRORED:
        yield _replacement(EventType.REPLACEMENT_ERRORED, row, media, error=_error(row))
    elif _has_advanced(row):
        yield _replacement(EventType.REPLACEMENT_PROGRESS, row, media)


def _of_dropped(row: Replacement, media: Media) -> Iterator[Happening]:
    if media.encoding != row.encoding:  # else the media is that version now
        yield _replacement(EventType.REPLACEMENT_DELETED, row, media)


def _of_import(row: Import, media: Media, *, new: bool) -> Iterator[Happening]:
    if new:
        yield _import(EventType.IMPORT_CREATED, row, media)
    elif _has_changed(row, "status"):
        if row.status == ImportStatus.ERRORED:
            yield _import(EventType.IMPORT_ERRORED, row, media, error=_error(row))
    elif row.total and _has_changed(row, "received"):
        (before,) = inspect(row).attrs["received"].history.deleted or (0,)
        if row.received * STEPS // row.total > before * STEPS // row.total:
            yield _import(EventType.IMPORT_PROGRESS, row, media)


def _of_rendition(row: Rendition, media: Media) -> Iterator[Happening]:
    if not _has_changed(row, "status") or row.status not in FINAL:
        return
    data: dict[str, Any] = {"name": row.name, "version": row.encoding}
    if row.status == RenditionStatus.READY:
        yield _happening(EventType.RENDITION_READY, media, data)
    else:
        yield _happening(EventType.RENDITION_ERRORED, media, {**data, "error": _error(row)})


def _media_of(session: Session, row: Rendition | Replacement | Import) -> Media:
    """The media is locked by whoever changes what belongs to it, so this asks nobody."""
    return session.get_one(Media, row.media_id)


def _media(type: EventType, media: Media, **more: Any) -> Happening:
    state = {
        "status": media.status,
        "playable": media.playable,
        "progress": round(media.progress, 4),
        "version": media.encoding,
        "external_id": media.external_id,
    }
    return _happening(type, media, {**state, **more}, _figures(media))


def _replacement(type: EventType, row: Replacement, media: Media, **more: Any) -> Happening:
    state = {"version": row.encoding, "status": row.status, "progress": round(row.progress, 4)}
    return _happening(type, media, {**state, **more})


def _import(type: EventType, row: Import, media: Media, **more: Any) -> Happening:
    state = {"url": row.shown_url, "status": row.status, "received_bytes": row.received, "total_bytes": row.total}
    return _happening(type, media, {**state, **more})


def _happening(
    type: EventType, media: Media, data: dict[str, Any], figures: dict[str, float | None] | None = None
) -> Happening:
    return Happening(type, media.project, media.id, data, figures or {})


def _figures(media: Media) -> dict[str, float | None]:
    elapsed_s = None if media.begun_at is None else round((now() - media.begun_at).total_seconds(), 3)
    return {"elapsed_s": elapsed_s, "duration_s": media.duration_s}


def _source(row: Media | Replacement) -> dict[str, Any]:
    return {"file_name": row.file_name, "source_bytes": row.source_bytes, "source_sha256": row.source_sha256}


def _error(row: Media | Replacement | Rendition | Import) -> dict[str, str | None]:
    return {"code": row.error_code, "message": row.error_message}


def _has_changed(row: object, name: str) -> bool:
    return bool(inspect(row).attrs[name].history.has_changes())


def _has_advanced(row: Media | Replacement) -> bool:
    """Whether another step of its progress is done."""
    before = inspect(row).attrs["progress"].history.deleted
    return bool(before) and int(row.progress * STEPS) > int(before[0] * STEPS)
