"""What the client sends."""

from __future__ import annotations

from email.parser import BytesParser

from chaos.client import frame


def test_a_file_is_framed_as_a_form() -> None:
    head, tail = frame("film.mp4")
    boundary = tail.strip(b"\r\n-").decode()
    message = f"Content-Type: multipart/form-data; boundary={boundary}\r\n\r\n".encode() + head + b"bytes" + tail
    (part,) = BytesParser().parsebytes(message).get_payload()
    assert part.get_filename() == "film.mp4"  # type: ignore[union-attr]
    assert part.get_payload(decode=True) == b"bytes"  # type: ignore[union-attr]
