"""multipart/form-data (RFC 7578) read part by part as it arrives, with nothing kept."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from gilfoyle.errors import InvalidRequest
from gilfoyle.ingest import file_names
from gilfoyle.ingest.parameters import parameters

MOST_PARTS = 10
PREAMBLE_BYTES = 64 << 10
"""The longest preamble before the first part. Mail-like clients write a line there."""


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FormParserError as error:
        raise InvalidRequest(f"The multipart body is broken: {error}.", code="broken_multipart") from error


class Part:
    """One field. Iterate it for its bytes before asking for the next part; what is not read is skipped."""

    def __init__(self, name: str, file_name: str | None, form: Form) -> None:
        self.name = name
        self.file_name = file_name
        self._form = form

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._form.next_bytes()) is not None:
            yield piece

    async def text(self, limit: int) -> str:
        """The whole value. Raises InvalidRequest if it has more than `limit` bytes."""
        value = b""
        async for piece in self:
            value += piece
            if len(value) > limit:
                raise InvalidRequest(f"The field {self.name} is too long.", fields={self.name: "is too long"})
        return value.decode("utf-8", "replace")


class Form:
    """The parts of a body, in order. Raises InvalidRequest for what is not multipart/form-data."""

    def __init__(self, content_type: str, body: AsyncIterable[bytes]) -> None:
        header = content_type.encode("latin-1", "replace")
        boundary = parameters(header).get("boundary", "").encode("latin-1", "replace")
        if header.partition(b";")[0].strip().lower() != b"multipart/form-data" or not boundary:
            raise InvalidRequest(
                "The file must be sent as multipart/form-data, in the field `file`.", code="not_multipart"
            )
        self._body = aiter(_from_first_part(body, boundary))
        # What the parser found and nobody has taken yet: a Part at its begin, its bytes, None at its end.
        self._events: deque[Part | bytes | None] = deque()
        self._header = [b"", b""]
        self._headers: dict[bytes, bytes] = {}
        self._parts = 0
        self._ended = False
        with _translated():
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._headers.clear,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": lambda data, start, end: self._events.append(data[start:end]),
                    "on_part_end": lambda: self._events.append(None),
                    "on_end": self._on_end,
                },
            )

    async def parts(self) -> AsyncIterator[Part]:
        """Every part; afterwards the body is read to its end. Raises InvalidRequest if the end is missing."""
        while await self._fill():
            event = self._events.popleft()
            if isinstance(event, Part):
                yield event

    async def next_bytes(self) -> bytes | None:
        """The next bytes of the current part; None at its end."""
        if await self._fill() and isinstance(piece := self._events[0], bytes):
            self._events.popleft()
            return piece
        return None

    async def _fill(self) -> bool:
        """Read until there is an event; False once the body has ended."""
        while not self._events:
            piece = await anext(self._body, None)
            if piece is None:
                if not self._ended:
                    raise InvalidRequest("The body ends in the middle of a part.", code="broken_multipart")
                return False
            with _translated():
                self._parser.write(piece)
        return True

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0] += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1] += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header[0].lower()] = self._header[1]
        self._header = [b"", b""]

    def _on_headers_finished(self) -> None:
        options = parameters(self._headers.get(b"content-disposition", b""))
        if not options.get("name"):
            raise InvalidRequest("A part of the body has no name.", code="broken_multipart")
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise InvalidRequest(f"The form has more than the {MOST_PARTS} parts that are allowed.")
        self._events.append(Part(options["name"], file_names.clean(options.get("filename", "")), self))

    def _on_end(self) -> None:
        self._ended = True


async def _from_first_part(body: AsyncIterable[bytes], boundary: bytes) -> AsyncIterator[bytes]:
    """The body without its preamble, which is to be ignored (RFC 2046, 5.1.1), and which the parser does not know.

    Raises InvalidRequest if no part begins within PREAMBLE_BYTES: the boundary is the wrong one.
    """
    delimiter = re.compile(rb"\r\n--" + re.escape(boundary) + rb"(?:(--)|[ \t]*\r\n)")
    held, skipped = b"\r\n", 0  # as if a line ended before the body: the delimiter may be its first line
    pieces = aiter(body)
    async for piece in pieces:
        held += piece
        if found := delimiter.search(held):
            yield b"--" + boundary + (found[1] or b"\r\n") + held[found.end() :]
            break
        line = held.rfind(b"\r\n--")
        start = max(0, len(held) - 3) if line < 0 else line
        held, skipped = held[start:], skipped + start
        if skipped + len(held) > PREAMBLE_BYTES:
            raise InvalidRequest("The body does not begin with a part of the form.", code="broken_multipart")
    async for piece in pieces:
        yield piece
