"""What tus 1.0 (https://tus.io/protocols/resumable-upload) says in headers, and the body of one of its requests."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass

from gilfoyle.errors import InvalidRequest, PartMismatch
from gilfoyle.ingest import file_names
from gilfoyle.ingest.checksum import Checksum
from gilfoyle.ingest.content_range import ContentRange
from gilfoyle.ingest.receive import declared_length, too_large

CHECKSUM_ALGORITHMS = ("sha1", "sha256", "md5")
METADATA_CHARS = 8192
# No more digits than a 64-bit length has.
_NUMBER = re.compile(r"[0-9]{1,19}")
_UPLOAD = re.compile(r"/v1/uploads/([A-Za-z0-9_-]{1,40})(?:[?#]|\Z)")
_KEY = re.compile(r"[!-+\--~]+")


@dataclass(frozen=True)
class PartDigest:
    """The checksum of the bytes of one request."""

    algorithm: str
    value: bytes

    def new(self) -> hashlib._Hash:
        return hashlib.new(self.algorithm, usedforsecurity=False)

    def require_match(self, found: hashlib._Hash) -> None:
        """Raises PartMismatch."""
        if found.digest() != self.value:
            raise PartMismatch(
                f"What arrived has another {self.algorithm} than Upload-Checksum says: send it again.",
                fields={"Upload-Checksum": "does not match the body"},
            )


@dataclass(frozen=True)
class TusMetadata:
    """What of Upload-Metadata is known here. `sent` is all of it, as it was sent."""

    sent: str = ""
    file_name: str | None = None
    media_type: str | None = None
    title: str = ""
    description: str = ""

    @classmethod
    def parse(cls, header: str) -> TusMetadata:
        """Read the header: pairs of a key and its value in base64. Raises InvalidRequest."""
        values: dict[str, str] = {}
        for pair in filter(None, (each.strip() for each in header.split(","))):
            key, _, value = pair.partition(" ")
            if not _KEY.fullmatch(key) or key in values:
                raise _malformed_metadata()
            values[key] = _text(value.strip())
        if len(header) > METADATA_CHARS:
            raise InvalidRequest(
                f"Upload-Metadata may have {METADATA_CHARS} characters.", fields={"Upload-Metadata": "is too long"}
            )
        return cls(
            header.strip(),
            file_names.clean(values.get("filename") or values.get("name") or ""),
            (values.get("filetype") or values.get("type") or "").replace("\0", "")[:255] or None,
            values.get("title", ""),
            values.get("description", ""),
        )


@dataclass(frozen=True)
class Concat:
    """What Upload-Concat says: a partial upload; or with `parts`, the ids of those that a final one is made of."""

    parts: tuple[str, ...] = ()

    @classmethod
    def parse(cls, header: str | None) -> Concat | None:
        """Read the header; None without it. Raises InvalidRequest."""
        if header is None:
            return None
        kind, _, urls = header.strip().partition(";")
        if kind.strip() == "partial" and not urls:
            return cls()
        named = [_UPLOAD.search(url) for url in urls.split()]
        parts = tuple(found[1] for found in named if found)
        if kind.strip() != "final" or not parts or not all(named) or len(set(parts)) != len(parts):
            raise InvalidRequest(
                "Upload-Concat must be partial, or final; and the URLs of different partial uploads, by spaces.",
                fields={"Upload-Concat": "is malformed"},
            )
        return cls(parts)


class TusPart:
    """`Part`, as the body of a PATCH, or of a POST that creates an upload."""

    checksum: Checksum | None = None
    hash_later = True

    def __init__(
        self,
        headers: Mapping[str, str],
        body: AsyncIterable[bytes],
        offset: int,
        total: int | None,
        file_name: str | None = None,
    ) -> None:
        """`headers` by their names in small letters. `total`: bytes of the whole file, if known.

        Raises InvalidRequest.
        """
        length = None if "transfer-encoding" in headers else declared_length(headers)
        self.range = ContentRange(offset, None if length is None else offset + length, total)
        self.digest = _digest(headers.get("upload-checksum"))
        self.file_name = file_name
        self._body = body

    def check(self, limit: int) -> None:
        """See Incoming.check. An offset that nothing can have arrived at is left to whoever knows the right one."""
        if self.range.first > (limit if self.range.total is None else self.range.total):
            return
        end = self.range.first if self.range.end is None else self.range.end
        total = self.range.total
        if max(total or 0, end if total is None else 0) > limit:
            raise too_large(limit)
        if total is not None and end > total:
            raise beyond(total)
        if self.range.asks and self.digest:
            self.digest.require_match(self.digest.new())

    async def content(self) -> AsyncIterator[bytes]:
        """See Incoming.content."""
        async for piece in self._body:
            yield piece


def number(headers: Mapping[str, str], name: str) -> int | None:
    """A header that is a count of bytes; None without it. Raises InvalidRequest."""
    value = headers.get(name.lower())
    if value is None:
        return None
    if not _NUMBER.fullmatch(value.strip()):
        raise InvalidRequest(f"{name} must be a number of bytes.", fields={name: "is not a whole number"})
    return int(value)


def beyond(total: int) -> InvalidRequest:
    """The error for bytes that follow the end of a file."""
    return InvalidRequest(
        f"The body goes on behind the {total} bytes that the file was said to have.", code="beyond_length"
    )


def _digest(header: str | None) -> PartDigest | None:
    if header is None:
        return None
    algorithm, _, value = header.strip().partition(" ")
    try:
        found = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    algorithm = algorithm.lower()
    if algorithm not in CHECKSUM_ALGORITHMS or len(found) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        raise InvalidRequest(
            f"Upload-Checksum must be one of {', '.join(CHECKSUM_ALGORITHMS)}, a space, and the checksum in base64.",
            fields={"Upload-Checksum": "is malformed"},
        )
    return PartDigest(algorithm, found)


def _text(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        raise _malformed_metadata() from error


def _malformed_metadata() -> InvalidRequest:
    return InvalidRequest(
        "Upload-Metadata must be pairs of a key and its value in base64, with commas between: filename ZmlsbQ==.",
        fields={"Upload-Metadata": "is malformed"},
    )
