"""What the catalog promises of a media, as tests ask for it."""

from __future__ import annotations

from datetime import timedelta

from gilfoyle.catalog import Media
from gilfoyle.catalog.models import SILENT_S, now


def nothing_promised(media: Media) -> bool:
    """Whether nobody needs to begin anything for it: at most its workflow is looked at once more, later."""
    return media.due_at is None or media.due_at > now() + timedelta(seconds=SILENT_S / 2)
