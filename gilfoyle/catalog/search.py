"""What medias are found by: their words, tags and metadata, in a table beside the media's.

A media's row changes with each report of progress, and every index over it would be written each time. So what is
sought lies apart, and a trigger enters it only when it changes. Words are folded there by PostgreSQL: as they read, in
small letters, without accents. Trigrams of them are indexed, so a part of a word is found, too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from unicodedata import normalize
from uuid import UUID

from sqlalchemy import Column, DateTime, ForeignKey, Index, String, Text, bindparam, cast, func, literal_column, or_
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel, col

INVISIBLE = "\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\ufe0e\ufe0f"
"""What nobody sees and few can type: joiners, selectors of an emoji's style, marks of direction, soft hyphens."""


class MediaSearch(SQLModel, table=True):
    """What one media is found by. Written by a trigger on `media` (migration 0028) and by nothing else."""

    __tablename__ = "media_search"
    __table_args__ = (
        Index("media_search_words", "words", postgresql_using="gin", postgresql_ops={"words": "gin_trgm_ops"}),
        Index("media_search_tags", "tags", postgresql_using="gin"),
        Index(
            "media_search_metadata", "metadata", postgresql_using="gin", postgresql_ops={"metadata": "jsonb_path_ops"}
        ),
        Index("media_search_newest", "created_at", "media_id"),
    )

    media_id: UUID = Field(sa_column=Column(ForeignKey("media.id", ondelete="CASCADE"), primary_key=True))
    words: str = Field(sa_column=Column(Text, nullable=False))
    """Title, description and file name, folded."""
    tags: list[str] = Field(sa_column=Column(ARRAY(String(100)), nullable=False))
    client_metadata: dict[str, Any] = Field(sa_column=Column("metadata", JSONB, nullable=False))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """The media's."""


def words_values(q: str, tags: Sequence[str], metadata: Mapping[str, str]) -> dict[str, str]:
    """What is sought, by names for `found_by`."""
    found: dict[str, str] = {}
    if q := normalize("NFKC", q).translate(dict.fromkeys(map(ord, INVISIBLE))):
        found["q"] = q
    if tags:
        found["tags"] = ",".join(tags)
    for number, (key, value) in enumerate(metadata.items()):
        found |= {f"metadata_{number}_{n}": each for n, each in enumerate(_as_json(key, value))}
    return found


def found_by(values: Mapping[str, Any], searched: type[MediaSearch] = MediaSearch) -> list[Any]:
    """In SQL, of a `MediaSearch`: those words as they read, all of the tags, and those values in the metadata."""
    sought: list[Any] = []
    if "q" in values:
        sought.append(col(searched.words).like(func.gilfoyle_pattern(bindparam("q", values["q"], Text))))
    if "tags" in values:
        tags = func.string_to_array(bindparam("tags", values["tags"], Text), literal_column("','"))
        sought.append(col(searched.tags).contains(cast(tags, ARRAY(String(100)))))
    held: dict[str, list[Any]] = {}
    for name, value in values.items():
        if name.startswith("metadata_"):
            holds = col(searched.client_metadata).contains(cast(bindparam(name, value, Text), JSONB))
            held.setdefault(name.rpartition("_")[0], []).append(holds)
    return [*sought, *(or_(*ways) for ways in held.values())]


def _as_json(key: str, value: str) -> list[str]:
    """Objects that hold it: as text, and as the number or the truth that it may be."""
    found: list[object] = [value]
    with suppress(ValueError, RecursionError):
        meant = json.loads(value)
        if isinstance(meant, bool | int) or (isinstance(meant, float) and math.isfinite(meant)):
            found.append(meant)
    return [json.dumps({key: each}, ensure_ascii=False) for each in found]
