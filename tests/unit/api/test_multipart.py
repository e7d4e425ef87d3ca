from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gilfoyle.api.multipart import Form, clean_file_name
from gilfoyle.errors import InvalidRequest

BODY = (
    b'preamble\r\n--x\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n'
    b'--x\r\ncontent-disposition: form-data; name="file"; filename="f.mp4"\r\nContent-Type: video/mp4\r\n\r\n'
    b'\r\n--xy\r\n-\r\n--\r\n--x\r\nContent-Disposition: form-data; name="b"\r\n\r\n\r\n--x--\r\nepilogue'
)[len(b"preamble\r\n") :]
PARTS = [("a", None, b"one"), ("file", "f.mp4", b"\r\n--xy\r\n-\r\n--"), ("b", None, b"")]


async def cut(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1000])
async def test_finds_the_parts_wherever_the_body_is_cut(size: int) -> None:
    form = Form("multipart/form-data; boundary=x", cut(BODY, size))
    found = [(part.name, part.file_name, b"".join([piece async for piece in part])) async for part in form.parts()]
    assert found == PARTS


async def test_skips_what_is_not_read() -> None:
    form = Form("multipart/form-data; boundary=x", cut(BODY, 10))
    assert [part.name async for part in form.parts()] == ["a", "file", "b"]


async def test_reads_nothing_ahead() -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        yield BODY[:70]
        for _ in range(1000):
            read += 1
            yield b"z" * 1000

    form = Form("multipart/form-data; boundary=x", body())
    async for part in form.parts():
        async for _piece in part:
            break
        break
    assert read <= 1


@pytest.mark.parametrize("end", range(1, len(BODY) - len(b"--\r\nepilogue"), 17))
async def test_a_body_that_ends_early_is_an_error(end: int) -> None:
    form = Form("multipart/form-data; boundary=x", cut(BODY[:end], 20))
    with pytest.raises(InvalidRequest):
        _ = [part async for part in form.parts()]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"film.mp4", "film.mp4"),
        (b"C:\\films\\film.mp4", "film.mp4"),
        (b"../../etc/passwd", "passwd"),
        ("Fïlm 🎬.mp4".encode(), "Fïlm 🎬.mp4"),
        (b"a\x00b\x1b[31m\n.mp4", "ab[31m.mp4"),
        (b"\xff.mp4", "\ufffd.mp4"),
        (b"folder/", None),
        (b"  ", None),
        (b"x" * 300 + b".mp4", "x" * 251 + ".mp4"),
    ],
)
def test_a_file_name_is_only_a_name(sent: bytes, kept: str | None) -> None:
    assert clean_file_name(sent) == kept
