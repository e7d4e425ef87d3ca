"""Lists of medias: which of them, in which order, and from where on."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any, Literal, Self, get_args
from uuid import UUID

from sqlalchemy import BigInteger, Select, Text, Uuid, bindparam, func, inspect, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased
from sqlmodel import col

from gilfoyle.catalog.models import Media, MediaKind, MediaStatus
from gilfoyle.catalog.search import MediaSearch, found_by, words_values
from gilfoyle.errors import InvalidRequest

Sort = Literal["-created_at", "created_at", "-updated_at", "updated_at", "title", "-title"]
"""What a list is sorted by, by id where that is the same; `-`: the latest, or the last, first."""
NEWEST: Sort = "-created_at"
MOST_COUNTED = 10_000
"""Counting goes no further: it takes time for each media that is counted."""
RECENT = 2500
"""Among so many a list is looked for first: a millisecond, and enough for 20 of what one media in a hundred has."""
_MADE: tuple[Sort, Sort] = ("created_at", "-created_at")

_SAME = ("sha256", "project", "kind", "external_id")
_TIMES = ("created_from", "created_before", "updated_from", "updated_before")


@dataclass(frozen=True)
class MediaFilter:
    """Which medias to find; an empty field matches all. A media that is Deleting never matches."""

    statuses: Sequence[MediaStatus] = ()
    """Any of them."""
    q: str = ""
    """In title, description or file name, as it reads: in any case, with or without accents, with any kind of space."""
    sha256: str = ""
    """SHA-256 of the source (64 lower-case hex digits)."""
    project: str = ""
    """The project to which it belongs."""
    kind: MediaKind | None = None
    external_id: str = ""
    tags: Sequence[str] = ()
    """All of them; none has a comma."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Keys and their values: texts, or what JSON writes so (`2`, `true`)."""
    created_from: datetime | None = None
    created_before: datetime | None = None
    updated_from: datetime | None = None
    updated_before: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """It says nothing but a project, if that: all medias match."""
        return not replace(self, project="").values()

    def values(self) -> dict[str, Any]:
        """What is not empty, by the names of the parameters in SQL."""
        found = {name: getattr(self, name) for name in (*_SAME, *_TIMES) if getattr(self, name)}
        if self.kind:
            found["kind"] = str(self.kind)
        if self.statuses:
            found["statuses"] = [str(each) for each in self.statuses]
        return {**found, **words_values(self.q, self.tags, self.metadata)}

    def conditions(self) -> list[Any]:
        """The filter in SQL. Its form depends on which values there are, not on what they are."""
        values = self.values()
        found = found_by(values)
        matching = [col(Media.id).in_(select(col(MediaSearch.media_id)).where(*found))] if found else []
        return [*_conditions(values, Media), *matching]


def _conditions(values: Mapping[str, Any], made: Any) -> list[Any]:
    """All of a filter but what `found_by` says. `made`: whose `created_at` is looked at, a Media or a MediaSearch."""
    found: list[Any] = [col(Media.status) != literal_column(f"'{MediaStatus.DELETING}'")]
    if "statuses" in values:
        found.append(col(Media.status) == func.any(bindparam("statuses", values["statuses"], ARRAY(Text))))
    for name in _SAME:
        if name in values:
            found.append(getattr(Media, name if name != "sha256" else "source_sha256") == bindparam(name, values[name]))
    return [*found, *_between(values, "created", made.created_at), *_between(values, "updated", Media.updated_at)]


def _between(values: Mapping[str, Any], name: str, column: Any) -> list[Any]:
    """That the time in the column is one which the filter takes."""
    bound = {each: bindparam(each, values[each], column.type) for each in _TIMES if each in values and name in each}
    return [column >= value if each.endswith("from") else column < value for each, value in bound.items()]


@dataclass(frozen=True)
class Position:
    """The last media of a page: what it is sorted by, and its id. The next page begins behind it."""

    sort: Sort
    value: str
    id: UUID

    def cursor(self) -> str:
        """For clients, who need not understand it."""
        packed = json.dumps([self.sort, self.value, self.id.hex], ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    @classmethod
    def of(cls, cursor: str) -> Self:
        """Raises InvalidRequest for what was never given out."""
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            sort, value, media_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            if sort not in get_args(Sort) or not isinstance(value, str) or "\0" in value:
                raise ValueError("no cursor of ours")
            position = cls(sort, value.encode().decode(), UUID(hex=media_id))
            position.values()
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise bad_cursor("is not one that a list has given out") from error
        return position

    def values(self) -> tuple[Any, UUID]:
        """What the columns are compared with. Raises ValueError."""
        return (self.value if self.sort.endswith("title") else _time(self.value)), self.id


@dataclass(frozen=True)
class Paging:
    """Which part of a list: `limit` medias, after `offset` others or behind `position`."""

    limit: int
    offset: int = 0
    position: Position | None = None
    sort: Sort = NEWEST


@cache
def columns(*, probe: bool = True) -> list[Any]:
    """A media's columns, called as its attributes are: rows of them cost a fraction of what objects do."""
    mapped = [(each.key, each.columns[0]) for each in inspect(Media).column_attrs]
    return [column.label(name) for name, column in mapped if probe or name != "probe"]


def page_values(sought: MediaFilter, paging: Paging, *, recent: bool = False) -> dict[str, Any]:
    """The parameters of `page_query`, by their names: queries with the same names and order are the same."""
    found = {**sought.values(), "most": paging.limit + 1, "skipped": paging.offset}
    if recent:
        found["recent"] = RECENT
    if paging.position is not None:
        found["place"], found["place_id"] = paging.position.values()
    return found


def is_walked(sought: MediaFilter, paging: Paging) -> bool:
    """Whether `page_query` should look among the newest (or oldest) RECENT medias first: most often the page is there.

    Of words and tags PostgreSQL knows how many medias have them; of metadata it can only guess.
    """
    return paging.sort in _MADE and not paging.offset and bool(sought.metadata)


def page_query(
    query: Select[*tuple[Any, ...]], sought: MediaFilter, paging: Paging, *, recent: bool = False
) -> Select[*tuple[Any, ...]]:
    """A query of medias, those of the page and one more, which tells whether there is another page.

    `recent`: only among the RECENT medias that come first; what it finds is the page if it is full. See `is_walked`.
    """
    values = page_values(sought, paging, recent=recent)
    (key, media_id), backwards = _keys(paging.sort), paging.sort.startswith("-")
    found = found_by(values)
    searched: Any = MediaSearch
    if beside := bool(found) and paging.sort in _MADE:
        # Walked in that order, what is sought beside the medias is at hand: only those that match are looked up.
        if recent:
            searched = aliased(MediaSearch, _first(values, paging).subquery())
            found = found_by(values, searched)
        key, media_id = searched.created_at, searched.media_id
        query = query.join_from(Media, searched, media_id == Media.id)
    query = query.where(*(_conditions(values, searched) + found if beside else sought.conditions()))
    query = query.add_columns(key.label("sorted_by")).order_by(*_order(key, media_id, backwards))
    if paging.position is not None:
        query = query.where(_behind(values, key, media_id, backwards))
    most, skipped = (bindparam(name, values[name], BigInteger) for name in ("most", "skipped"))
    return query.limit(most).offset(skipped)


def _first(values: Mapping[str, Any], paging: Paging) -> Select[MediaSearch]:
    """The RECENT that come first, behind the paging's position."""
    key, media_id, backwards = col(MediaSearch.created_at), col(MediaSearch.media_id), paging.sort.startswith("-")
    behind = [_behind(values, key, media_id, backwards)] if paging.position is not None else []
    first = select(MediaSearch).where(*_between(values, "created", key), *behind)
    return first.order_by(*_order(key, media_id, backwards)).limit(bindparam("recent", values["recent"], BigInteger))


def _order(key: Any, media_id: Any, backwards: bool) -> tuple[Any, Any]:
    return (key.desc(), media_id.desc()) if backwards else (key, media_id)


def _behind(values: Mapping[str, Any], key: Any, media_id: Any, backwards: bool) -> Any:
    last = tuple_(bindparam("place", values["place"], key.type), bindparam("place_id", values["place_id"], Uuid))
    place = tuple_(key, media_id)
    return place < last if backwards else place > last


def page_of(rows: Sequence[Any], paging: Paging) -> tuple[list[Any], Position | None]:
    """The rows of the page, and where the next one begins; None: there is none. The rows have an `id`."""
    if len(rows) <= paging.limit:
        return list(rows), None
    last = rows[paging.limit - 1]
    return list(rows[: paging.limit]), Position(paging.sort, _text(last.sorted_by), last.id)


def count_values(sought: MediaFilter) -> dict[str, Any]:
    """The parameters of `count_query`, by their names."""
    return {**sought.values(), "most_counted": MOST_COUNTED + 1}


def count_query(sought: MediaFilter) -> Select[int]:
    """How many match (`count`), counted up to one more than MOST_COUNTED."""
    some: Any = select(literal_column("1")).select_from(Media).where(*sought.conditions())
    most = bindparam("most_counted", MOST_COUNTED + 1, BigInteger)
    return select(func.count().label("count")).select_from(some.limit(most).subquery())


def bad_cursor(why: str) -> InvalidRequest:
    """The error for a cursor that does not fit."""
    return InvalidRequest(f"The cursor {why}: begin again without it.", code="bad_cursor", fields={"cursor": why})


def _keys(sort: Sort) -> tuple[Any, Any]:
    """What is sorted by, in SQL, and by what where that is the same."""
    name = sort.removeprefix("-")
    key = func.gilfoyle_folded(col(Media.title), type_=Text) if name == "title" else getattr(Media, name)
    return key, col(Media.id)


def _text(value: str | datetime) -> str:
    return value if isinstance(value, str) else value.isoformat()


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("a time without its zone")
    return time
