from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gilfoyle.errors import InvalidRequest, TooLarge
from gilfoyle.ingest.plain import PlainFile


async def body(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@pytest.mark.parametrize(
    ("disposition", "query", "name"),
    [
        ("", "", None),
        ('attachment; filename="film.mp4"', "", "film.mp4"),
        ("attachment; filename=\"x\"; filename*=UTF-8''na%C3%AFve.mp4", "", "naïve.mp4"),
        ('attachment; filename="../../etc/passwd"', "", "passwd"),
        ("", "C:\\films\\My film.mp4", "My film.mp4"),
        ('attachment; filename="header.mp4"', "query.mp4", "query.mp4"),
        ("attachment", "", None),
        ('inline; filename="\xc3\xa9.mp4"', "", "é.mp4"),
    ],
)
async def test_takes_the_name_from_the_header_or_the_query(disposition: str, query: str, name: str | None) -> None:
    assert PlainFile({"content-disposition": disposition}, body(), query).file_name == name


async def test_gives_the_body_as_it_is() -> None:
    file = PlainFile({}, body(b"a", b"", b"b"))
    file.check(2)
    assert [piece async for piece in file.content()] == [b"a", b"", b"b"]
    assert file.checksum is None


@pytest.mark.parametrize("length", ["3", "9" * 30])
async def test_refuses_a_length_above_the_limit(length: str) -> None:
    PlainFile({"content-length": "2"}, body()).check(2)
    with pytest.raises(TooLarge):
        PlainFile({"content-length": length}, body()).check(2)


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "Multipart/Mixed"},
        {"content-encoding": "gzip"},
        {"repr-digest": "sha-256=1"},
    ],
)
async def test_refuses_what_is_not_the_file_itself(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        PlainFile(headers, body())


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "video/mp4"},
        {"content-type": "application/x-www-form-urlencoded"},  # what curl says by itself
        {"content-encoding": "identity"},
    ],
)
async def test_takes_any_type(headers: dict[str, str]) -> None:
    PlainFile(headers, body()).check(2)
