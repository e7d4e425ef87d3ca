"""A file that is a request's whole body, as `curl -T` sends it; what is said of it stands in headers (RFC 9110)."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping

from gilfoyle.errors import InvalidRequest
from gilfoyle.ingest import file_names
from gilfoyle.ingest.checksum import from_repr_digest
from gilfoyle.ingest.parameters import parameters
from gilfoyle.ingest.receive import declared_length, too_large


class PlainFile:
    """`Incoming`, as a plain body."""

    def __init__(self, headers: Mapping[str, str], body: AsyncIterable[bytes], file_name: str = "") -> None:
        """`headers` by their names in small letters. `file_name`: before the one that Content-Disposition says.

        Raises InvalidRequest for headers that say something else than a file as it is.
        """
        _require_plain(headers)
        disposition = parameters(headers.get("content-disposition", "").encode("latin-1", "replace"))
        self.file_name = file_names.clean(file_name or disposition.get("filename", ""))
        self.sha256 = from_repr_digest(headers.get("repr-digest", ""))
        self._length = declared_length(headers)
        self._body = body

    def check(self, limit: int) -> None:
        """See Incoming.check."""
        if self._length > limit:
            raise too_large(limit)

    async def content(self) -> AsyncIterator[bytes]:
        """See Incoming.content."""
        async for piece in self._body:
            yield piece


def _require_plain(headers: Mapping[str, str]) -> None:
    """What would be stored with something around the file would be no media any more."""
    if headers.get("content-type", "").strip().lower().startswith("multipart/"):
        raise InvalidRequest(
            "The body must be the file itself (`curl -T`); a form is sent by POST to `upload/video`.",
            fields={"Content-Type": "must not be multipart"},
        )
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise InvalidRequest(
            "The file must be sent as it is, without Content-Encoding.",
            fields={"Content-Encoding": "is not supported"},
        )
