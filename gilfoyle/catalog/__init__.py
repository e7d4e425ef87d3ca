"""The catalog: the record of medias, in PostgreSQL. A store for each concern, together as one object."""

from __future__ import annotations

from gilfoyle.catalog.database import Database
from gilfoyle.catalog.encodings import Encodings, RenditionProgress
from gilfoyle.catalog.medias import Medias
from gilfoyle.catalog.models import FINAL, Errand, Media, MediaKind, MediaStatus, Recipe, Rendition, RenditionStatus
from gilfoyle.catalog.moves import Moves
from gilfoyle.catalog.owners import Owner, Owners
from gilfoyle.catalog.playback import Playback
from gilfoyle.catalog.promises import Errands, Promises
from gilfoyle.catalog.retries import Retries
from gilfoyle.catalog.tracks import Published, Tracks
from gilfoyle.catalog.uploads import TAKES_UPLOAD, Uploads
from gilfoyle.catalog.warnings import warnings_of

__all__ = [
    "FINAL",
    "TAKES_UPLOAD",
    "Catalog",
    "Database",
    "Errand",
    "Media",
    "MediaKind",
    "MediaStatus",
    "Owner",
    "Published",
    "Recipe",
    "Rendition",
    "RenditionProgress",
    "RenditionStatus",
    "warnings_of",
]


class Catalog:
    """All stores over one database. Every method of theirs is one transaction, and raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self.medias = Medias(database)
        self.uploads = Uploads(database)
        self.encodings = Encodings(database)
        self.tracks = Tracks(database)
        self.playback = Playback(database)
        self.retries = Retries(database)
        self.promises = Promises(database)
        self.errands = Errands(database)
        self.moves = Moves(database)
        self.owners = Owners(database)
