"""What is known of a source while programs read it."""

from __future__ import annotations

import pytest

from gilfoyle.errors import StorageError
from gilfoyle.ffmpeg.source import Source

GIVEN_UP = StorageError("The object m/source can't be read: the service can't be reached.")


def test_whoever_reads_when_the_storage_gives_up_is_ended_at_once() -> None:
    source, ended = Source("http://127.0.0.1:4000/secret"), list[str]()
    with source.read(lambda: ended.append("first")), source.read(lambda: ended.append("second")):
        with source.read(lambda: ended.append("one that ended before")):
            pass
        source.check()
        source.fail(GIVEN_UP)
        assert ended == ["first", "second"]
    with pytest.raises(StorageError) as failed:
        source.check()
    assert failed.value is GIVEN_UP


def test_the_first_fault_is_the_one_that_is_told() -> None:
    source = Source("")
    source.fail(GIVEN_UP)
    source.fail(StorageError("another"))
    with pytest.raises(StorageError, match="can't be reached"):
        source.check()


def test_a_storage_that_owes_an_answer_is_what_takes_so_long() -> None:
    source = Source("")
    source.waits_s = lambda: 2.0
    source.check_late()
    source.waits_s = lambda: 40.0
    source.check()
    with pytest.raises(StorageError, match="has not answered for 40 s"):
        source.check_late()


def test_what_is_kept_for_people_says_nothing_of_the_place() -> None:
    source = Source("http://127.0.0.1:4000/5f1c")
    source.port = 4000
    said = "http://127.0.0.1:4000/5f1c: Invalid data found\nConnection to tcp://127.0.0.1:4000 failed"
    assert source.scrubbed(said) == "the source: Invalid data found\nConnection to tcp://the source failed"
    assert Source("/media/x/source").scrubbed("/media/x/source: moov atom not found") == (
        "the source: moov atom not found"
    )
    assert Source("").scrubbed("as it is") == "as it is"
