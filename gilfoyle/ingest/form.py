"""A file sent as a form: `multipart/form-data` with a field `file` and perhaps one `sha256`, in any order."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping

from gilfoyle.errors import InvalidRequest
from gilfoyle.ingest.checksum import Checksum, from_hex
from gilfoyle.ingest.multipart import Form
from gilfoyle.ingest.receive import declared_length, too_large

FILE_FIELD = "file"
CHECKSUM_FIELD = "sha256"
FORM_BYTES = 1 << 20
"""How many bytes a form may have besides the file's."""


class FormFile:
    """`Incoming`, as a form. Fields of other names are skipped."""

    def __init__(self, headers: Mapping[str, str], body: AsyncIterable[bytes]) -> None:
        """`headers` by their names in small letters."""
        self._content_type = headers.get("content-type", "")
        self._length = declared_length(headers)
        self._body = body
        self._form: Form
        self._seen = False
        self.file_name: str | None = None
        self.checksum: Checksum | None = None

    def check(self, limit: int) -> None:
        """See Incoming.check."""
        if self._length > limit + FORM_BYTES:
            raise too_large(limit)
        self._form = Form(self._content_type, self._body)

    async def content(self) -> AsyncIterator[bytes]:
        """See Incoming.content. Raises InvalidRequest for a form that is not as it should be."""
        async for part in self._form.parts():
            if part.name == FILE_FIELD:
                if self._seen:
                    raise InvalidRequest("Only one file can be sent.", fields={FILE_FIELD: "was sent twice"})
                self._seen = True
                self.file_name = part.file_name
                async for piece in part:
                    yield piece
            elif part.name == CHECKSUM_FIELD:
                self.checksum = from_hex(await part.text(limit=200), CHECKSUM_FIELD)
        if not self._seen:
            raise InvalidRequest("The form has no field `file`.", fields={FILE_FIELD: "is missing"})
