"""What a media that plays lacks: found in its source, or left out of its encoding.

Nothing of it is written down a second time. A rendition that is encoded after all takes its warning away by that alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from gilfoyle.catalog.models import Media, MediaKind, MediaStatus, Rendition, RenditionStatus
from gilfoyle.media.warnings import MediaWarning


def warnings_of(media: Media, renditions: Sequence[Rendition]) -> list[MediaWarning]:
    """`renditions`: those of the encoding that it serves. What the source lacks comes first."""
    found = [MediaWarning.model_validate(each) for each in (media.probe or {}).get("warnings", [])]
    if media.status != MediaStatus.READY:
        return found
    failed = [each for each in renditions if each.status == RenditionStatus.ERRORED]
    return [*found, *_without_sound(media, renditions, failed), *map(_failed, failed)]


def _without_sound(media: Media, renditions: Sequence[Rendition], failed: Sequence[Rendition]) -> list[MediaWarning]:
    sounds = [each for each in renditions if each.kind == MediaKind.AUDIO]
    if media.kind == MediaKind.AUDIO or not sounds or any(each not in failed for each in sounds):
        return []
    sentence = f"This film plays without its sound, which could not be encoded. {sounds[0].error_message or ''}"
    return [MediaWarning(code="sound_failed", message=sentence.strip())]


def _failed(rendition: Rendition) -> MediaWarning:
    sentence = f"The rendition {rendition.name} could not be encoded and is left out. {rendition.error_message or ''}"
    return MediaWarning(code="rendition_failed", message=sentence.strip())
