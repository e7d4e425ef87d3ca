"""What is shown of medias: read in a query or two, as rows that nobody changes, and nothing that is not asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any, NamedTuple, cast
from uuid import UUID

from sqlalchemy import Select, and_, bindparam, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import SQLModel, col

from gilfoyle.catalog.listing import (
    MediaFilter,
    Paging,
    Position,
    columns,
    count_query,
    count_values,
    is_walked,
    page_of,
    page_query,
    page_values,
)
from gilfoyle.catalog.lookups import CompiledQuery
from gilfoyle.catalog.models import Import, Media, MediaStatus, PlaybackId, Rendition, Replacement, TrackRow
from gilfoyle.catalog.rows import Rows, no_media
from gilfoyle.catalog.tracks import KINDS, OWN_OBJECT
from gilfoyle.media.tracks import Track

_RENDITION = (
    "name", "kind", "track", "status", "width", "height", "frame_rate", "channels", "codecs", "segments",
    "stored_segments", "stored_bytes", "bandwidth", "average_bandwidth", "error_code", "error_message",
)  # fmt: skip
_REPLACEMENT = (
    "encoding", "status", "progress", "file_name", "source_bytes", "source_sha256", "error_code", "error_message",
)  # fmt: skip
_PLAYBACK_ID = ("id", "policy")
_IMPORT = ("shown_url", "status", "received", "total", "error_code", "error_message")
_TRACK = ("name", "kind", "language", "label", "role", "chosen", "stream")


@dataclass(frozen=True)
class MediaView:
    """A media with what belongs to it; renditions and tracks are those of the encoding that it serves.

    All are rows with the attributes of what they are called.
    """

    media: Media
    playback_ids: Sequence[PlaybackId]
    """The oldest first."""
    renditions: Sequence[Rendition] = ()
    """The best first."""
    tracks: Sequence[Track] = ()
    replacement: Replacement | None = None
    imported: Import | None = None
    """The last import of it; its URL as it may be shown, only."""


@dataclass(frozen=True)
class MediaPage:
    """A part of a list."""

    views: list[MediaView]
    next: Position | None
    """Where the next page begins; None: there is none."""
    total: int | None
    """How many match, counted up to one more than MOST_COUNTED; None: they were not counted."""


class Views(Rows):
    """`catalog.views`."""

    async def one(self, media_id: UUID) -> MediaView:
        """All of a media. Raises NotFound, also for one that is Deleting."""
        row = await self._database.row(one(), media_id=media_id)
        if row is None:
            raise no_media(media_id)
        return _view(row, row)

    async def page(
        self,
        sought: MediaFilter,
        paging: Paging,
        *,
        renditions: bool = False,
        tracks: bool = False,
        probe: bool = False,
        count: bool = False,
    ) -> MediaPage:
        """A part of those that match, in order.

        What is not asked for is not read; a `probe` that was not read can't be looked at.
        """
        parts = _Parts(renditions, tracks, probe)
        total = (await self._database.rows(*_count(sought)))[0].count if count else None
        found: Sequence[SimpleNamespace] = ()
        if recent := is_walked(sought, paging):
            found = await self._database.rows(*_page(sought, paging, parts, recent))
        if len(found) <= paging.limit:
            found = await self._database.rows(*_page(sought, paging, parts))
        rows, position = page_of(found, paging)
        return MediaPage([_view(row, row) for row in rows], position, total)


class _Parts(NamedTuple):
    """What is read of each media in a list."""

    renditions: bool
    tracks: bool
    probe: bool


_Query = tuple[CompiledQuery, dict[str, Any]]
_lists: dict[Hashable, CompiledQuery] = {}
"""There are a few dozen forms; to put one together takes longer than to run it."""
_MOST_LISTS = 1000


def _page(sought: MediaFilter, paging: Paging, parts: _Parts, recent: bool = False) -> _Query:
    """The query of a page, and its values. `recent`: as of `page_query`."""
    values = page_values(sought, paging, recent=recent)

    def query() -> Select[*tuple[Any, ...]]:
        shown = select(*columns(probe=parts.probe), *_belongings(parts.renditions, parts.tracks))
        return page_query(shown, sought, paging, recent=recent)

    return _compiled((paging.sort, parts, *values), query, values), values


def _count(sought: MediaFilter) -> _Query:
    values = count_values(sought)
    return _compiled(("count", *values), lambda: count_query(sought), values), values


def _compiled(
    form: Hashable, query: Callable[[], Select[*tuple[Any, ...]]], values: Mapping[str, Any]
) -> CompiledQuery:
    """A common tag and a rare one need other plans, so it is planned by its values."""
    found = _lists.get(form)
    if found is None:
        found = CompiledQuery(query(), planned_once=False)
        # What it was made with must not answer for another caller.
        assert found.parameters.keys() == values.keys()
        if len(_lists) >= _MOST_LISTS:
            _lists.clear()
        _lists[form] = found
    return found


@cache
def one() -> CompiledQuery:
    """All of the media `media_id`."""
    alive = col(Media.status) != literal_column(f"'{MediaStatus.DELETING}'")
    wanted = col(Media.id) == bindparam("media_id")
    return CompiledQuery(select(*columns(), *_belongings(True, True)).where(wanted, alive))


def _belongings(renditions: bool, tracks: bool) -> list[Any]:
    """One JSON value for all of a kind that belong to a media."""
    mine = col(PlaybackId.media_id) == col(Media.id)
    given = aggregate_order_by(_object(PlaybackId, _PLAYBACK_ID), col(PlaybackId.created_at), col(PlaybackId.id))
    replacing = col(Replacement.media_id) == col(Media.id)
    imported = col(Import.media_id) == col(Media.id)
    shown = [
        select(func.json_agg(given)).where(mine).scalar_subquery().label("playback_ids"),
        select(_object(Replacement, _REPLACEMENT)).where(replacing).scalar_subquery().label("replacement"),
        select(_object(Import, _IMPORT)).where(imported).scalar_subquery().label("imported"),
    ]
    if renditions:
        served = and_(col(Rendition.media_id) == col(Media.id), col(Rendition.encoding) == col(Media.encoding))
        made = aggregate_order_by(_object(Rendition, _RENDITION), col(Rendition.position), col(Rendition.name))
        shown.append(select(func.json_agg(made)).where(served).scalar_subquery().label("renditions"))
    if tracks:
        of = or_(
            col(TrackRow.encoding) == col(Media.encoding), col(TrackRow.encoding) == literal_column(str(OWN_OBJECT))
        )
        chosen = and_(col(TrackRow.media_id) == col(Media.id), of, col(TrackRow.removed).is_(False))
        each = aggregate_order_by(_object(TrackRow, _TRACK), col(TrackRow.position), col(TrackRow.name))
        shown.append(select(func.json_agg(each)).where(chosen).scalar_subquery().label("tracks"))
    return shown


def _object(table: type[SQLModel], names: Collection[str]) -> Any:
    parts: list[Any] = []
    for name in names:
        parts += [literal_column(f"'{name}'"), getattr(table, name)]
    return func.json_build_object(*parts)


def _view(media: object, beside: Any) -> MediaView:
    """Of the row of a media, and the one of what belongs to it."""
    replacement = beside.replacement
    return MediaView(
        cast(Media, media),
        cast(list[PlaybackId], _rows(beside.playback_ids)),
        cast(list[Rendition], _rows(getattr(beside, "renditions", None))),
        _tracks(getattr(beside, "tracks", None) or ()),
        cast(Replacement, SimpleNamespace(**replacement)) if replacement else None,
        cast(Import, SimpleNamespace(**beside.imported)) if beside.imported else None,
    )


def _rows(objects: Sequence[dict[str, Any]] | None) -> list[SimpleNamespace]:
    return [SimpleNamespace(**each) for each in objects or ()]


def _tracks(rows: Sequence[dict[str, Any]]) -> list[Track]:
    """In order: video, audio, texts."""
    found = [SimpleNamespace(**row, default=row["chosen"]) for row in rows]
    return cast(list[Track], sorted(found, key=lambda track: KINDS.index(track.kind)))
