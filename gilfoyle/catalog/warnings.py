"""What is missing from a media that plays: found in its source, or left out of its encoding.

Warnings are derived, not stored: when a rendition is encoded after all, its warning disappears.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from gilfoyle.catalog.models import Media, MediaKind, MediaStatus, Rendition, RenditionStatus
from gilfoyle.media.warnings import MediaWarning

_WARNINGS = TypeAdapter(list[MediaWarning])


def warnings_of(media: Media, renditions: Sequence[Rendition]) -> list[MediaWarning]:
    """The warnings, those on the source first. `renditions`: those of the served encoding."""
    found = _of_source(media)
    if media.status != MediaStatus.READY:
        return found
    failed = [each for each in renditions if each.status == RenditionStatus.ERRORED]
    return [*found, *_without_audio(media, renditions, failed), *map(_failed, failed)]


def _of_source(media: Media) -> list[MediaWarning]:
    """Warnings from the stored probe; none if another release wrote it and this one can't read it."""
    try:
        return _WARNINGS.validate_python((media.probe or {}).get("warnings", []))
    except ValidationError:
        return []


def _without_audio(media: Media, renditions: Sequence[Rendition], failed: Sequence[Rendition]) -> list[MediaWarning]:
    audio_tracks = [each for each in renditions if each.kind == MediaKind.AUDIO]
    if media.kind == MediaKind.AUDIO or not audio_tracks or any(each not in failed for each in audio_tracks):
        return []
    sentence = f"This film plays without its sound, which could not be encoded. {audio_tracks[0].error_message or ''}"
    return [MediaWarning(code="audio_failed", message=sentence.strip())]


def _failed(rendition: Rendition) -> MediaWarning:
    sentence = f"The rendition {rendition.name} could not be encoded and is left out. {rendition.error_message or ''}"
    return MediaWarning(code="rendition_failed", message=sentence.strip())
