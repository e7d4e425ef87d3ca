"""The catalog: the record of medias, in PostgreSQL. One room per thing it can do, one object to the outside."""

from __future__ import annotations

from gilfoyle.catalog.database import Database
from gilfoyle.catalog.deletion import Deletion
from gilfoyle.catalog.errands import Errands
from gilfoyle.catalog.medias import Medias
from gilfoyle.catalog.models import FINAL, Errand, Media, MediaKind, MediaStatus, Recipe, Rendition, RenditionStatus
from gilfoyle.catalog.moving import Moving
from gilfoyle.catalog.ownership import Owner, Ownership
from gilfoyle.catalog.processing import Processing, RenditionProgress
from gilfoyle.catalog.promises import Promises
from gilfoyle.catalog.retrying import Retrying
from gilfoyle.catalog.uploads import Uploads
from gilfoyle.catalog.warnings import warnings_of

__all__ = [
    "FINAL",
    "Catalog",
    "Database",
    "Errand",
    "Media",
    "MediaKind",
    "MediaStatus",
    "Owner",
    "Recipe",
    "Rendition",
    "RenditionProgress",
    "RenditionStatus",
    "warnings_of",
]


class Catalog(Medias, Uploads, Processing, Retrying, Promises, Errands, Deletion, Moving, Ownership):
    """Everything that can be asked of the catalog. Every method is one transaction, and raises Unavailable."""
