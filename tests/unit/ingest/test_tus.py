from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator

import pytest

from gilfoyle.errors import InvalidRequest, PartMismatch, TooLarge
from gilfoyle.ingest.tus import TusMetadata, TusPart, number


async def nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def part(offset: int, total: int | None, **headers: str) -> TusPart:
    return TusPart({name.replace("_", "-"): value for name, value in headers.items()}, nothing(), offset, total)


def test_metadata_are_pairs() -> None:
    name = base64("C:\\fakepath\\Ünïcode.mp4")
    sent = f"filename {name}, filetype {base64('video/mp4')},is_confidential,x {base64('y')}"
    found = TusMetadata.parse(sent)
    assert (found.file_name, found.media_type, found.title, found.sent) == ("Ünïcode.mp4", "video/mp4", "", sent)


def test_uppy_has_other_names_for_them() -> None:
    found = TusMetadata.parse(f"name {base64('a.mp4')},type {base64('video/mp4')},relativePath bnVsbA==")
    assert (found.file_name, found.media_type) == ("a.mp4", "video/mp4")


@pytest.mark.parametrize("sent", ["", " ", ",", " , "])
def test_there_may_be_none(sent: str) -> None:
    assert TusMetadata.parse(sent).file_name is None


@pytest.mark.parametrize("sent", ["a ?", "a YQ", "a YQ==,a YQ==", "ä YQ==", "a b c", "a Y Q = ="])
def test_what_is_no_base64_is_refused(sent: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        TusMetadata.parse(sent)
    assert "Upload-Metadata" in refused.value.fields


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert TusMetadata.parse(f"filename {b64encode(bytes([255, 0, 10, 65])).decode()}").file_name == "\ufffdA"


@pytest.mark.parametrize("value", ["-1", "1.5", "", "0x1", "٣", "1" * 20, "1 2"])
def test_a_count_of_bytes_has_digits_only(value: str) -> None:
    with pytest.raises(InvalidRequest):
        number({"upload-length": value}, "Upload-Length")


def test_a_part_stays_within_the_file() -> None:
    part(5, 10, content_length="5").check(10)
    part(5, 10, transfer_encoding="chunked").check(10)
    for beyond in (part(5, 10, content_length="6"), part(10, 10, content_length="1")):
        with pytest.raises(InvalidRequest) as refused:
            beyond.check(10)
        assert refused.value.reason == "beyond_length"
    with pytest.raises(TooLarge):
        part(5, None, content_length="6").check(10)
    # Where nothing can have arrived: whoever knows the right offset says so.
    part(11, 10, content_length="5").check(10)
    part(11, None, content_length="5").check(10)


def test_a_part_without_bytes_has_a_checksum_too() -> None:
    right, wrong = hashlib.sha1(b"").digest(), hashlib.sha1(b"x").digest()
    part(5, 10, upload_checksum=f"sha1 {b64encode(right).decode()}").check(10)
    with pytest.raises(PartMismatch):
        part(5, 10, upload_checksum=f"SHA1 {b64encode(wrong).decode()}").check(10)
