"""What lies in the storage against what should."""

from __future__ import annotations

from typing import Any

from chaos.orphans import expected, sources_of

STREAM = {"master.m3u8", "90p/init.mp4"}


def media(name: str, status: str = "Ready", error: str = "", version: int = 1, replaced: str = "") -> dict[str, Any]:
    replacement = {"error": {"code": replaced}} if replaced else None
    code = {"code": error} if error else None
    return {"id": name, "status": status, "version": version, "error": code, "replacement": replacement}


def test_a_media_owns_its_source_and_what_its_playlists_name() -> None:
    medias = [
        media("a"),
        media("b", "Errored", "truncated"),
        media("c", "Errored", "not_media"),
        media("d", "AwaitingUpload"),
    ]
    assert expected(medias, {"a": STREAM}, set()) == {"a/source", "a/1/master.m3u8", "a/1/90p/init.mp4", "b/source"}


def test_one_that_was_replaced_owns_its_last_source_and_version() -> None:
    there = {"a/source", "a/source-9", "a/source-10"}
    assert expected([media("a", version=2)], {"a": {"master.m3u8"}}, there) == {"a/source-10", "a/2/master.m3u8"}


def test_what_could_not_take_the_place_has_its_source_beside_that_one() -> None:
    there = {"a/source", "a/source-2"}
    assert expected([media("a", replaced="truncated")], {}, there) == there
    assert expected([media("a", replaced="not_media")], {}, {"a/source"}) == {"a/source"}


def test_the_last_source_is_the_one_with_the_highest_number() -> None:
    there = ["a/source", "a/source-2", "a/source-10", "b/source", "c/1/source", "d/source-x"]
    assert sources_of(there) == {"a": "source-10", "b": "source"}
