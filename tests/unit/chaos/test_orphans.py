"""What the medias own."""

from __future__ import annotations

from typing import Any

from chaos.orphans import encodings_of, expected


def test_a_media_owns_its_source_and_what_its_playlists_name() -> None:
    there = {"a/source", "a/1/90p/00000.m4s", "a/2/master.m3u8", "a/2/90p/init.mp4", "b/source", "c/source"}
    medias: list[dict[str, Any]] = [
        {"id": "a", "status": "Ready"},
        {"id": "b", "status": "Errored", "error": {"code": "not_media"}},
        {"id": "c", "status": "Errored", "error": {"code": "truncated"}},
        {"id": "d", "status": "AwaitingUpload"},
    ]
    owned = expected(medias, {"a": {"master.m3u8", "90p/init.mp4"}}, encodings_of(there))
    assert there - owned == {"a/1/90p/00000.m4s", "b/source"}
    assert owned - there == set()


def test_what_a_playlist_names_and_is_not_there_is_missing() -> None:
    owned = expected([{"id": "a", "status": "Ready"}], {"a": {"90p/00007.m4s"}}, {})
    assert owned - {"a/source"} == {"a/1/90p/00007.m4s"}


def test_the_encoding_is_the_last_that_has_a_master_playlist() -> None:
    assert encodings_of(["a/9/master.m3u8", "a/10/master.m3u8", "a/11/90p/index.m3u8", "b/source"]) == {"a": 10}
