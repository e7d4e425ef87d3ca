"""The body of an upload: one file, and after it the file's SHA-256, read and hashed as it is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from secrets import token_hex
from typing import BinaryIO

from gilfoyle.errors import InvalidRequest

READ_BYTES = 1 << 18
"""Small enough that a progress bar moves on a slow line, large enough that it costs nothing on a fast one."""


class UploadBody:
    """`multipart/form-data` (RFC 7578) with the parts `file` and `sha256`, in this order.

    The checksum comes last because it is known last: the file is read once. `length` is exact, so the server can
    refuse what is too large before it reads any of it.
    """

    def __init__(self, file: BinaryIO, name: str, size: int, on_bytes: Callable[[int], None]) -> None:
        self._file, self._size, self._on_bytes = file, size, on_bytes
        boundary = f"gilfoyle-{token_hex(16)}"
        disposition = f'Content-Disposition: form-data; name="file"; filename="{_escape(name)}"'
        self._head = _encode(f"--{boundary}\r\n{disposition}\r\nContent-Type: application/octet-stream\r\n\r\n")
        self._middle = _encode(f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="sha256"\r\n\r\n')
        self._tail = _encode(f"\r\n--{boundary}--\r\n")
        self.length = len(self._head) + size + len(self._middle) + hashlib.sha256().digest_size * 2 + len(self._tail)
        self.content_type = f"multipart/form-data; boundary={boundary}"

    def __iter__(self) -> Iterator[bytes]:
        digest = hashlib.sha256()
        yield self._head
        left = self._size
        while left:
            data = self._file.read(min(READ_BYTES, left))
            if not data:
                raise InvalidRequest("The file became shorter while it was being sent. Send it again.")
            digest.update(data)
            left -= len(data)
            yield data
            self._on_bytes(len(data))
        yield self._middle + digest.hexdigest().encode() + self._tail


def _escape(name: str) -> str:
    """A file name as browsers send it (WHATWG HTML, multipart/form-data encoding algorithm)."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _encode(text: str) -> bytes:
    # A file name of undecodable bytes reaches Python as lone surrogates, which UTF-8 refuses.
    return text.encode("utf-8", "replace")
