"""A file, or a part of one, as a plain body, such as `curl -T` sends: headers say what it is (RFC 9110)."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping

from gilfoyle.errors import InvalidRequest
from gilfoyle.ingest import content_range, file_names
from gilfoyle.ingest.checksum import from_repr_digest
from gilfoyle.ingest.parameters import parameters
from gilfoyle.ingest.receive import declared_length, too_large


class PlainFile:
    """`Part`, as a plain body."""

    digest = None
    hash_later = False

    def __init__(self, headers: Mapping[str, str], body: AsyncIterable[bytes], file_name: str = "") -> None:
        """`headers` by their names in small letters. `file_name`: before the one that Content-Disposition says.

        Raises InvalidRequest for headers that say something else than a file as it is.
        """
        _require_plain(headers)
        disposition = parameters(headers.get("content-disposition", "").encode("latin-1", "replace"))
        self.file_name = file_names.clean(file_name or disposition.get("filename", ""))
        self.checksum = from_repr_digest(headers.get("repr-digest", ""))
        self.range = content_range.parse(headers.get("content-range", ""))
        """The range of the file in the body; None: all of it."""
        self._length = declared_length(headers)
        self._body = body

    def check(self, limit: int) -> None:
        """See Incoming.check."""
        end = (self.range and self.range.end) or 0
        if max(self._length, end, (self.range and self.range.total) or 0) > limit:
            raise too_large(limit)
        if self.range and self._length and self._length != end - self.range.first:
            raise not_the_range()

    async def content(self) -> AsyncIterator[bytes]:
        """See Incoming.content."""
        async for piece in self._body:
            yield piece


def not_the_range() -> InvalidRequest:
    return InvalidRequest(
        "The body is not as long as its Content-Range says.", fields={"Content-Range": "does not match the body"}
    )


def _require_plain(headers: Mapping[str, str]) -> None:
    """Refuse encoded bodies: what is wrapped around the file would be stored with it."""
    if headers.get("content-type", "").strip().lower().startswith("multipart/"):
        raise InvalidRequest(
            "The body must be the file itself (`curl -T`); a form is sent by POST to `upload`.",
            fields={"Content-Type": "must not be multipart"},
        )
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise InvalidRequest(
            "The file must be sent as it is, without Content-Encoding.",
            fields={"Content-Encoding": "is not supported"},
        )
