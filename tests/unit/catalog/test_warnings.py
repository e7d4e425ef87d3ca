"""What a client is told that a media lacks."""

from __future__ import annotations

from typing import Any

import pytest

from gilfoyle.catalog import Media, MediaStatus, Rendition, RenditionStatus, warnings_of
from gilfoyle.media.warnings import MediaWarning

WHY = "ffmpeg could not encode this: it ended with status 1."
CUT = {"code": "source_ends_early", "message": "The file ends early."}


def media(status: MediaStatus = MediaStatus.READY, kind: str = "video", **more: Any) -> Media:
    return Media(title="Film", status=status, kind=kind, **more)


def rendition(name: str, *, failed: bool) -> Rendition:
    status = RenditionStatus.ERRORED if failed else RenditionStatus.READY
    kind = "audio" if name.startswith("audio") else "video"
    return Rendition(name=name, kind=kind, status=status, error_message=WHY if failed else None)


def codes(media: Media, **failed: bool) -> list[str]:
    rows = [rendition(name.replace("_", "-"), failed=each) for name, each in failed.items()]
    return [each.code for each in warnings_of(media, rows)]


def test_nothing_is_said_of_what_is_whole() -> None:
    assert codes(media(), p720=False, audio_128k=False) == []
    assert codes(media(probe={"container": "mov"}), p720=False) == []
    assert codes(media(MediaStatus.AWAITING_UPLOAD)) == []


def test_what_the_file_lacks_is_said_from_the_probe_on() -> None:
    for status in (MediaStatus.PROCESSING, MediaStatus.READY):
        assert warnings_of(media(status, probe={"warnings": [CUT]}), []) == [MediaWarning(**CUT)]


def test_a_rendition_that_is_left_out_is_named_with_its_reason() -> None:
    (said,) = warnings_of(media(), [rendition("720p", failed=True), rendition("360p", failed=False)])
    assert said.code == "rendition_failed"
    assert said.message == f"The rendition 720p could not be encoded and is left out. {WHY}"


@pytest.mark.parametrize("status", [MediaStatus.PROCESSING, MediaStatus.ERRORED])
def test_renditions_count_once_the_media_is_ready(status: MediaStatus) -> None:
    """Before that they may be tried again; of one that is Errored its own reason says it all."""
    assert codes(media(status), p720=True, audio_128k=True) == []


def test_a_film_is_without_audio_if_none_is_left() -> None:
    assert codes(media(), p720=False, audio_128k=True, audio_64k=False) == ["rendition_failed"]
    every = codes(media(), p720=False, audio_128k=True, audio_64k=True)
    assert every == ["audio_failed", "rendition_failed", "rendition_failed"]
    assert codes(media(kind="audio"), audio_128k=True, audio_64k=False) == ["rendition_failed"]


def test_the_sources_come_first() -> None:
    assert codes(media(probe={"warnings": [CUT]}), p720=True)[0] == CUT["code"]


@pytest.mark.parametrize("kept", ["none", 5, [5], [{"code": "cut_short"}], [[]]])
def test_what_another_release_kept_differently_is_left_out(kept: Any) -> None:
    assert codes(media(probe={"warnings": kept}), audio=True, v720p=False) == ["audio_failed", "rendition_failed"]
