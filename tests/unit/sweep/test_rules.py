"""Which of what lies in a storage no media owns."""

from __future__ import annotations

import math
from dataclasses import replace
from uuid import UUID

import pytest

from gilfoyle.catalog import MediaStatus, Owner
from gilfoyle.storage import ObjectInfo
from gilfoyle.storage.base import Unfinished
from gilfoyle.sweep.rules import (
    BEGUN_S,
    Claim,
    Content,
    Orphan,
    claim,
    claimed_encodings,
    claimed_sources,
    content,
    encoding_of,
    is_dead,
    is_old,
    media_of,
    too_many,
)

DAY = 86400
ID = UUID("a6829ec4-6829-4259-b6fb-f1acc967fa00")  # the same in each process that collects the tests


def owner(
    status: MediaStatus,
    *,
    storage: str = "s3",
    encoding: int = 1,
    lease: bool = False,
    idle: float = 9e9,
    encodings: int | None = None,
    replacing: bool = False,
    source_deleted: bool = False,
) -> Owner:
    row = Owner(storage, status, encoding, lease, idle, encodings or encoding, replacing=replacing)
    return replace(row, source_deleted=source_deleted)


def reason(found: Claim | None) -> str | None:
    return found and found.reason


@pytest.mark.parametrize(
    "name",
    ["films", "", ".tmp", str(ID).upper(), ID.hex, f"{{{ID}}}", f"urn:uuid:{ID}", f"{ID} ", f"{ID}x", "1"],
)
def test_a_name_that_is_not_spelt_as_we_do_is_not_ours(name: str) -> None:
    assert media_of(name) is None


def test_a_media_has_its_id_as_its_folder() -> None:
    assert media_of(str(ID)) == ID


@pytest.mark.parametrize(
    ("name", "encoding"), [("1", 1), ("12", 12), ("0", None), ("01", None), ("source", None), ("²", None), ("", None)]
)
def test_an_encoding_has_its_number_as_its_folder(name: str, encoding: int | None) -> None:
    assert encoding_of(name) == encoding


def test_the_folder_of_no_media_is_an_orphan_of_whatever_age_is_unknown() -> None:
    found = claim(None, "s3", DAY, moving=False)
    assert found == Claim("no_media", source=True, unknown_age_s=math.inf)


@pytest.mark.parametrize("status", [MediaStatus.PROCESSING, MediaStatus.DELETING])
@pytest.mark.parametrize("storage", ["s3", "filesystem"])
def test_a_media_that_is_being_worked_on_owns_everything(status: MediaStatus, storage: str) -> None:
    assert claim(owner(status, storage=storage, encoding=3), "s3", 0, moving=False) is None


@pytest.mark.parametrize("status", [MediaStatus.READY, MediaStatus.ERRORED, MediaStatus.AWAITING_UPLOAD])
def test_a_media_in_another_backend_owns_nothing_here_unless_a_move_runs(status: MediaStatus) -> None:
    elsewhere = owner(status, storage="filesystem")
    found = claim(elsewhere, "s3", DAY, moving=False)
    assert found == Claim("moved", source=True)
    assert not is_old(found, Content(1, 1, None), 60), "of unknown age, it may be a move's"
    assert claim(elsewhere, "s3", DAY, moving=True) is None


def test_a_ready_media_owns_its_source_and_what_it_serves() -> None:
    assert claim(owner(MediaStatus.READY), "s3", DAY, moving=False) is None
    found = claim(owner(MediaStatus.READY, encoding=3), "s3", DAY, moving=False)
    assert found and (found.reason, found.source) == ("superseded", False)
    assert claimed_encodings(found, ["1", "2", "3", "4", "notes"]) == [1, 2, 4]


def test_a_ready_media_does_not_own_a_source_that_was_deleted() -> None:
    deleted = replace(owner(MediaStatus.READY, source_deleted=True), uploads=1)
    found = claim(deleted, "s3", DAY, moving=False)
    assert found and claimed_encodings(found, ["1"]) == [] and claimed_sources(deleted) == [1]
    kept = replace(deleted, sources=frozenset({1}))
    assert claimed_sources(kept) == []


def test_a_media_that_was_replaced_owns_what_it_served_before_for_a_while() -> None:
    assert claim(owner(MediaStatus.READY, encoding=3, idle=DAY - 1), "s3", DAY, moving=False) is None
    assert claim(owner(MediaStatus.READY, encoding=3, replacing=True), "s3", DAY, moving=False) is None
    given_up = claim(owner(MediaStatus.READY, encoding=1, encodings=2), "s3", DAY, moving=False)
    assert given_up and claimed_encodings(given_up, ["1", "2"]) == [2]


def test_nothing_goes_if_what_is_served_is_not_there() -> None:
    found = claim(owner(MediaStatus.READY, encoding=3), "s3", DAY, moving=False)
    assert found and claimed_encodings(found, ["1", "2"]) == []


def test_a_failed_media_owns_its_source_only() -> None:
    found = claim(owner(MediaStatus.ERRORED, encoding=2), "s3", DAY, moving=False)
    assert found and (found.reason, found.source) == ("errored", False)
    assert claimed_encodings(found, ["1", "2", "notes"]) == [1, 2]


@pytest.mark.parametrize(
    ("lease", "idle", "expected"),
    [(False, DAY + 1, "abandoned_upload"), (True, DAY + 1, None), (False, DAY - 1, None)],
)
def test_a_draft_owns_nothing_once_nobody_uploads_and_it_is_old(lease: bool, idle: float, expected: str | None) -> None:
    draft = owner(MediaStatus.AWAITING_UPLOAD, lease=lease, idle=idle)
    assert reason(claim(draft, "s3", DAY, moving=False)) == expected


def test_a_folder_is_as_old_as_its_newest_object() -> None:
    objects = [ObjectInfo("a", 3, "", 1000), ObjectInfo("b", 4, "", 5000), ObjectInfo("c", 5, "", 2000)]
    assert content(objects, now=6000) == Content(3, 12, 1000)


def test_an_age_that_is_not_known_of_one_object_is_not_known() -> None:
    assert content([ObjectInfo("a", 3, "", 1000), ObjectInfo("b", 4, "", 0)], now=6000) == Content(2, 7, None)


@pytest.mark.parametrize(
    ("age", "unknown", "old"),
    [(61, 0, True), (60, 0, False), (59, math.inf, False), (None, 61, True), (None, 0, False)],
)
def test_what_is_younger_stays(age: float | None, unknown: float, old: bool) -> None:
    assert is_old(Claim("errored", unknown_age_s=unknown), Content(1, 1, age), 60) is old


def test_an_empty_folder_stays() -> None:
    assert not is_old(Claim("no_media", unknown_age_s=math.inf), Content(0, 0, None), 60)


def write(age: float, key: str = "") -> Unfinished:
    return Unfinished("1", key, 5, 1_000_000 - age)


def dead(found: Unfinished, row: Owner | None = None, *, older: float = DAY, busy: bool = False) -> bool:
    return is_dead(found, row, "s3", older, 1_000_000, busy=busy)


def test_a_write_is_dead_when_it_is_old() -> None:
    assert dead(write(DAY + 1))
    assert not dead(write(DAY - 1))
    assert not dead(Unfinished("1", "", 5, 0), older=0), "its age is not known"


def test_a_write_that_is_silent_for_seconds_may_be_alive_whatever_is_wanted() -> None:
    assert not dead(write(59), older=0)
    assert dead(write(61), older=0)


def test_a_long_upload_is_not_dead() -> None:
    key = f"{ID}/source"
    assert not dead(write(3 * DAY, key), owner(MediaStatus.AWAITING_UPLOAD, lease=True))
    assert dead(write(3 * DAY, key), owner(MediaStatus.AWAITING_UPLOAD))
    assert dead(write(3 * DAY, key), None)


def test_while_something_is_written_what_has_no_key_may_be_that() -> None:
    assert not dead(write(3 * DAY), busy=True)
    assert dead(write(BEGUN_S + 1), busy=True)


def test_a_moves_copy_is_not_dead() -> None:
    elsewhere = owner(MediaStatus.READY, storage="filesystem")
    assert not dead(write(3 * DAY, f"{ID}/source"), elsewhere, busy=True)
    assert dead(write(3 * DAY, f"{ID}/source"), elsewhere, busy=False)


def test_somebody_elses_write_is_not_ours() -> None:
    assert not dead(write(3 * DAY, "backups/monday.zip"))


def orphans(count: int, encoding: int | None = None) -> list[Orphan]:
    return [Orphan(UUID(int=n), encoding, "no_media", Content(1, 1, None)) for n in range(count)]


@pytest.mark.parametrize(
    ("gone", "medias", "refused"), [(10, 10, False), (11, 21, True), (11, 22, False), (0, 0, False)]
)
def test_more_than_half_of_more_than_a_few_is_too_many(gone: int, medias: int, refused: bool) -> None:
    assert too_many(orphans(gone), medias) is refused


def test_encodings_are_not_too_many() -> None:
    assert not too_many(orphans(50, 1), 50)


def test_keys() -> None:
    [whole], [one] = orphans(1), orphans(1, 2)
    assert (whole.key, one.key) == (str(UUID(int=0)), f"{UUID(int=0)}/2")


def test_sources_of_which_nothing_is_made_may_go_while_nobody_uploads() -> None:
    media = owner(MediaStatus.READY, encoding=3)
    assert claimed_sources(replace(media, uploads=4, sources=frozenset({2, 4}))) == [1, 3]
    assert claimed_sources(replace(media, uploads=4, sources=frozenset({2, 4}), uploading=True)) == []
