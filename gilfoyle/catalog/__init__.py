"""The catalog: the record of medias, in PostgreSQL. One object that holds a store for each concern."""

from __future__ import annotations

from gilfoyle.catalog.attachments import Attachments
from gilfoyle.catalog.cancellations import CANCELLED, Cancellations, Cancelled
from gilfoyle.catalog.database import Database
from gilfoyle.catalog.deliveries import Attempt, Deliveries, Delivery, DeliveryStatus
from gilfoyle.catalog.encodings import Encodings, RenditionProgress
from gilfoyle.catalog.events import EventFilter, Events
from gilfoyle.catalog.idempotency import Idempotency
from gilfoyle.catalog.imports import Imports
from gilfoyle.catalog.keys import Key, Keys, Scope
from gilfoyle.catalog.leases import Lease, Leases
from gilfoyle.catalog.listing import MOST_COUNTED, NEWEST, MediaFilter, Paging, Position, Sort
from gilfoyle.catalog.medias import MediaChanges, MediaGiven, Medias
from gilfoyle.catalog.models import (
    DEFAULT_PROJECT,
    FINAL,
    Attachment,
    Errand,
    Import,
    ImportStatus,
    Media,
    MediaKind,
    MediaStatus,
    Policy,
    Recipe,
    Rendition,
    RenditionStatus,
    Replacement,
)
from gilfoyle.catalog.moves import Moves
from gilfoyle.catalog.outbox import Event, EventType
from gilfoyle.catalog.owners import Owner, Owners
from gilfoyle.catalog.partials import Partials
from gilfoyle.catalog.playback import Playback
from gilfoyle.catalog.projects import Project, Projects
from gilfoyle.catalog.promises import Errands, Promises
from gilfoyle.catalog.replacements import Replacements
from gilfoyle.catalog.retries import Retries
from gilfoyle.catalog.signing import SigningKey, SigningKeys
from gilfoyle.catalog.sources import Sources
from gilfoyle.catalog.tracks import Published, Tracks
from gilfoyle.catalog.upload_sessions import UploadSession, UploadSessions, UploadStatus
from gilfoyle.catalog.uploads import Uploads, takes_upload
from gilfoyle.catalog.views import MediaView, Views
from gilfoyle.catalog.warnings import warnings_of
from gilfoyle.catalog.webhooks import Webhook, WebhookChanges, Webhooks

__all__ = [
    "CANCELLED",
    "DEFAULT_PROJECT",
    "FINAL",
    "MOST_COUNTED",
    "NEWEST",
    "Attachment",
    "Attempt",
    "Cancelled",
    "Catalog",
    "Database",
    "Delivery",
    "DeliveryStatus",
    "Errand",
    "Event",
    "EventFilter",
    "EventType",
    "Import",
    "ImportStatus",
    "Key",
    "Lease",
    "Media",
    "MediaChanges",
    "MediaFilter",
    "MediaGiven",
    "MediaKind",
    "MediaStatus",
    "MediaView",
    "Owner",
    "Paging",
    "Policy",
    "Position",
    "Project",
    "Published",
    "Recipe",
    "Rendition",
    "RenditionProgress",
    "RenditionStatus",
    "Replacement",
    "Scope",
    "SigningKey",
    "Sort",
    "UploadSession",
    "UploadStatus",
    "Webhook",
    "WebhookChanges",
    "takes_upload",
    "warnings_of",
]


class Catalog:
    """All stores over one database. Every method of theirs is one transaction, and raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self.projects = Projects(database)
        self.keys = Keys(database)
        self.signing_keys = SigningKeys(database)
        self.medias = Medias(database)
        self.views = Views(database)
        self.uploads = Uploads(database)
        self.upload_sessions = UploadSessions(database)
        self.imports = Imports(database)
        self.partials = Partials(database)
        self.encodings = Encodings(database)
        self.tracks = Tracks(database)
        self.playback = Playback(database)
        self.attachments = Attachments(database)
        self.replacements = Replacements(database)
        self.sources = Sources(database)
        self.retries = Retries(database)
        self.cancellations = Cancellations(database)
        self.events = Events(database)
        self.webhooks = Webhooks(database)
        self.deliveries = Deliveries(database)
        self.idempotency = Idempotency(database)
        self.promises = Promises(database)
        self.errands = Errands(database)
        self.moves = Moves(database)
        self.owners = Owners(database)
        self.leases = Leases(database)
