"""The body of an upload, as a server reads it."""

from __future__ import annotations

import hashlib
import io

import pytest
from python_multipart import parse_form

from gilfoyle.cli.multipart import READ_BYTES, UploadBody
from gilfoyle.errors import InvalidRequest


def _parse(body: UploadBody, data: bytes) -> tuple[list[str], bytes, str, bytes]:
    """The parts' names in order, the file's bytes and name, and the checksum, read by python-multipart."""
    order: list[str] = []
    found: dict[str, bytes] = {}

    def on_field(part: object) -> None:
        order.append(part.field_name.decode())
        found["sha256"] = part.value

    def on_file(part: object) -> None:
        order.append(part.field_name.decode())
        part.file_object.seek(0)
        found["file"], found["name"] = part.file_object.read(), part.file_name

    headers = {"Content-Type": body.content_type.encode(), "Content-Length": str(len(data)).encode()}
    parse_form(headers, io.BytesIO(data), on_field, on_file)
    return order, found["file"], found["name"].decode(), found["sha256"]


@pytest.mark.parametrize("size", [1, READ_BYTES - 1, READ_BYTES, READ_BYTES + 1, 3 * READ_BYTES + 17])
def test_a_server_reads_the_file_and_then_its_checksum(size: int) -> None:
    content = bytes(index % 251 for index in range(size))
    counted: list[int] = []
    body = UploadBody(io.BytesIO(content), "film.mp4", size, counted.append)

    data = b"".join(body)

    assert len(data) == body.length
    order, file, name, checksum = _parse(body, data)
    assert order == ["file", "sha256"]
    assert file == content
    assert name == "film.mp4"
    assert checksum.decode() == hashlib.sha256(content).hexdigest()
    assert sum(counted) == size


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("é 映画.mkv", 'filename="é 映画.mkv"'),
        ('a"b\r\nX: 1.mp4', 'filename="a%22b%0D%0AX: 1.mp4"'),
        ("\udcff.mp4", 'filename="?.mp4"'),
    ],
)
def test_a_file_name_never_breaks_the_body(name: str, sent: str) -> None:
    body = UploadBody(io.BytesIO(b"x"), name, 1, lambda count: None)
    data = b"".join(body)
    assert sent.encode() in data
    assert len(data) == body.length


def test_a_file_that_shrinks_is_not_sent_as_if_it_were_whole() -> None:
    body = UploadBody(io.BytesIO(b"short"), "film.mp4", 100, lambda count: None)
    with pytest.raises(InvalidRequest, match="became shorter"):
        b"".join(body)


def test_a_file_that_grows_is_sent_up_to_the_size_that_was_declared() -> None:
    body = UploadBody(io.BytesIO(b"0123456789"), "film.mp4", 4, lambda count: None)
    data = b"".join(body)
    assert len(data) == body.length
    assert _parse(body, data)[1] == b"0123"
