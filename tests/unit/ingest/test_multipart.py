from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gilfoyle.errors import InvalidRequest
from gilfoyle.ingest.multipart import MOST_PARTS, Form

BODY = (
    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n'
    b'--x\r\ncontent-disposition: form-data; name="file"; filename="f.mp4"\r\nContent-Type: video/mp4\r\n\r\n'
    b'\r\n--xy\r\n-\r\n--\r\n--x\r\nContent-Disposition: form-data; name="b"\r\n\r\n\r\n--x--\r\nepilogue'
)
PARTS = [("a", None, b"one"), ("file", "f.mp4", b"\r\n--xy\r\n-\r\n--"), ("b", None, b"")]


async def cut(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1000])
async def test_finds_the_parts_wherever_the_body_is_cut(size: int) -> None:
    form = Form("multipart/form-data; boundary=x", cut(BODY, size))
    found = [(part.name, part.file_name, b"".join([piece async for piece in part])) async for part in form.parts()]
    assert found == PARTS


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 100_000])
@pytest.mark.parametrize(
    "preamble",
    [
        b"This is a message with multiple parts in MIME format.\r\n", b"\r\n", b"\r\n\r\n", b"a\r\nb\r\n\r\n",
        b"--\r\n", b"--y\r\n", b"--xy\r\n", b"--x y\r\n", b"a--x\r\nb\r\n", b"\r\n--\r\n\r--x\r\n",
        b"-" * 5000 + b"\r\n",
    ],
)  # fmt: skip
async def test_what_stands_before_the_first_part_is_ignored(preamble: bytes, size: int) -> None:
    """RFC 2046, 5.1.1."""
    form = Form("multipart/form-data; boundary=x", cut(preamble + BODY, size))
    found = [(part.name, part.file_name, b"".join([piece async for piece in part])) async for part in form.parts()]
    assert found == PARTS


async def test_padding_after_the_first_boundary_is_ignored() -> None:
    form = Form("multipart/form-data; boundary=x", cut(BODY.replace(b"--x\r\n", b"--x \t\r\n"), 5))
    assert [part.name async for part in form.parts()] == ["a", "file", "b"]


async def test_an_endless_preamble_is_refused_early() -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"\r\n--" + b"z" * 10_000

    form = Form("multipart/form-data; boundary=x", body())
    with pytest.raises(InvalidRequest, match="does not begin with a part"):
        _ = [part async for part in form.parts()]
    assert read < 10


async def test_more_parts_than_a_form_needs_are_refused() -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
    form = Form("multipart/form-data; boundary=x", cut(part * MOST_PARTS + b"--x--", 50))
    assert len([part async for part in form.parts()]) == MOST_PARTS
    form = Form("multipart/form-data; boundary=x", cut(part * (MOST_PARTS + 1) + b"--x--", 50))
    with pytest.raises(InvalidRequest, match="more than the 10 parts"):
        _ = [part async for part in form.parts()]


@pytest.mark.parametrize(
    "content_type",
    ['multipart/form-data; boundary="a b:c"', 'Multipart/Form-Data ;charset=utf-8;BOUNDARY="a b:c"  ',
     "multipart/form-data; boundary = a b:c"],
)  # fmt: skip
async def test_a_boundary_may_be_quoted(content_type: str) -> None:
    form = Form(content_type, cut(BODY.replace(b"--x\r\n", b"--a b:c\r\n").replace(b"--x--", b"--a b:c--"), 9))
    assert [part.name async for part in form.parts()] == ["a", "file", "b"]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('form-data; name="file"; filename="f.mp4"', "f.mp4"),
        ("form-data; name=file; filename=f.mp4", "f.mp4"),
        ("form-data; name=file; filename*=UTF-8''na%C3%AFve%20film.mp4", "naïve film.mp4"),
        ('form-data; name="file"; filename="?.mp4"; filename*=utf-8\'\'%E2%82%AC.mp4', "€.mp4"),
        ("form-data; name=file; filename==?utf-8?B?w6kubXA0?=; filename*=utf-8''%C3%A9.mp4", "é.mp4"),
        ('form-data; name="file"; filename="=?utf-8?B?w6kubXA0?="', "é.mp4"),
    ],
)
async def test_a_file_has_the_name_that_its_part_says(disposition: str, name: str) -> None:
    body = f"--x\r\nContent-Disposition: {disposition}\r\n\r\n1\r\n--x--".encode()
    form = Form("multipart/form-data; boundary=x", cut(body, 7))
    assert [(part.name, part.file_name) async for part in form.parts()] == [("file", name)]


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
