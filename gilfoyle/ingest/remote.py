"""A file on another server, as an answer of it to a GET brings it: whole, or from the byte on that was asked for."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Protocol
from urllib.parse import unquote, urlsplit

import httpx2

from gilfoyle.errors import FetchFailed
from gilfoyle.ingest import file_names
from gilfoyle.ingest.checksum import Checksum
from gilfoyle.ingest.content_range import ContentRange
from gilfoyle.ingest.parameters import parameters
from gilfoyle.ingest.receive import too_large
from gilfoyle.metrics.instruments import BYTES_IN
from gilfoyle.net.fetch import body

MOST_VALIDATOR = 1000
# No more digits than a 64-bit length has.
_CONTENT_RANGE = re.compile(r"bytes[ \t]+([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})", re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,19}")
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]*"')
# What a server answers that may answer otherwise in a while, besides all 5xx.
_PASSING = (408, 425, 429)
# How much later than the last change of a file an answer must be, so that no second change has the same time.
_SURE = timedelta(seconds=1)
_WHY = {
    401: "it wants to know who asks, and a URL to import must be good by itself",
    403: "the URL is not good for that, or not any more",
    404: "there is no such file",
    410: "the file is not there any more",
}


class Refused(FetchFailed):
    """The server will not give the file, however often it is asked."""

    retryable = False


class AskLater(FetchFailed):
    """The server is away or too busy. `after_s`: when it wants to be asked again, if it says so (seconds)."""

    def __init__(self, message: str, after_s: float = 0) -> None:
        super().__init__(message)
        self.after_s = after_s


class Changed(FetchFailed):
    """The server can't go on, or what it has now is not that of which a part has arrived."""


class Note(Protocol):
    """Who is told how far it is."""

    async def begun(self, total: int | None, validator: str | None) -> None:
        """The first bytes come of a file that begins anew: how long it is, and what says later that it is the same."""
        ...

    async def arrived(self, position: int) -> None:
        """So many bytes of the file are there."""
        ...


class RemoteFile:
    """`Part`, as the answer to a GET."""

    checksum: Checksum | None = None
    digest = None
    hash_later = True

    def __init__(
        self,
        response: httpx2.Response,
        offset: int,
        known: str | None,
        total: int | None,
        note: Note,
    ) -> None:
        """`offset`: the byte from which on it was asked for; 0: all of it. Raises Refused, AskLater, Changed.

        `known`: the validator of the file of which a part has arrived, and `total` its length.
        """
        _require_success(response)
        self._response, self._note = response, note
        self._first, self._total = _extent(response, offset)
        if self._first and (self._total != total or _is_another(response.headers, known)):
            raise Changed(f"The file of {_host(response)} has changed while it was fetched.")
        self._limit = 0
        self.range = ContentRange(self._first, None, self._total) if self._first else None
        """None: a file that comes whole begins anew."""
        self.file_name = _disposed(response.headers)

    def check(self, limit: int) -> None:
        """See Incoming.check."""
        self._limit = limit
        if self._total is not None and self._total > limit:
            raise too_large(limit)

    async def content(self) -> AsyncIterator[bytes]:
        """See Incoming.content. Raises FetchFailed where it breaks off."""
        if not self._first:
            await self._note.begun(self._total, validator(self._response.headers))
        position = self._first
        async for piece in body(self._response, self._limit - position):
            position += len(piece)
            BYTES_IN.inc(len(piece))
            if self._total is not None and position > self._total:
                raise Changed(f"{_host(self._response)} sends more than the {self._total} bytes that it spoke of.")
            yield piece
            await self._note.arrived(position)
        if self._total is not None and position < self._total:
            raise FetchFailed(f"{_host(self._response)} broke off after {position} of {self._total} bytes.")


class Whole:
    """`Part`, without a byte: all of the file has arrived, and was not accepted yet."""

    checksum: Checksum | None = None
    digest = None
    hash_later = True

    def __init__(self, total: int, file_name: str | None) -> None:
        self.range = ContentRange(0, 0, total)
        self.file_name = file_name
        self._total = total

    def check(self, limit: int) -> None:
        """See Incoming.check."""
        if self._total > limit:
            raise too_large(limit)

    async def content(self) -> AsyncIterator[bytes]:
        """See Incoming.content."""
        return
        yield b""


def asked_from(offset: int, known: str | None) -> dict[str, str]:
    """The headers of a request for the rest of a file (RFC 9110, 13.1.5 and 14.2): all of it, if it has changed."""
    return {"Range": f"bytes={offset}-", "If-Range": known} if offset and known else {}


def validator(headers: Mapping[str, str]) -> str | None:
    """What says for sure that a file is the same as in this answer (RFC 9110, 8.8): its ETag, or when it was changed.

    An ETag that is weak does not, nor does a time of the very second in which it was answered.
    """
    etag = headers.get("etag", "").strip()
    if _STRONG_ETAG.fullmatch(etag) and len(etag) <= MOST_VALIDATOR:
        return etag
    changed, answered = _time(headers.get("last-modified", "")), _time(headers.get("date", ""))
    if changed is None or answered is None or answered - changed < _SURE:
        return None
    return headers["last-modified"].strip()[:MOST_VALIDATOR]


def _is_another(headers: Mapping[str, str], known: str | None) -> bool:
    """Whether an answer is about another file than that validator's; some servers do not know If-Range."""
    if known is None:
        return True
    name = "etag" if known.startswith('"') else "last-modified"
    return name in headers and headers[name].strip() != known


def _disposed(headers: Mapping[str, str]) -> str | None:
    """What the server calls the file."""
    disposition = parameters(headers.get("content-disposition", "").encode("latin-1", "replace"))
    return file_names.clean(disposition.get("filename", ""))


def named(url: str) -> str | None:
    """The last element of a URL's path."""
    return file_names.clean(unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2]))


def _require_success(response: httpx2.Response) -> None:
    """Raises Refused for what will stay so, AskLater for what may pass, Changed for a range that there is not."""
    status, host = response.status_code, _host(response)
    if status in (200, 206):
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise Refused(
                f"{host} sends the file packed ({encoding[:20]}): name one that is as it is.", code="import_refused"
            )
        return
    said = f"{host} answers {status}{_phrase(status)}"
    if status == 416:
        raise Changed(f"{said}.")
    if status >= 500 or status in _PASSING:
        raise AskLater(f"{said}.", _retry_after(response.headers))
    raise Refused(f"{said}: {_WHY.get(status, 'that is not the file')}.", code="import_refused")


def _extent(response: httpx2.Response, offset: int) -> tuple[int, int | None]:
    """The first byte that the body has, and the length of the whole file, if that is known. Raises Changed."""
    headers, host = response.headers, _host(response)
    length = headers.get("content-length", "").strip()
    if response.status_code == 200:
        return 0, int(length) if _LENGTH.fullmatch(length) else None
    match = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
    if match is None:
        raise Changed(f"{host} sends a part of the file without saying which.")
    first, last, total = map(int, match.groups())
    if first != offset or not first <= last < total:
        raise Changed(f"{host} sends another part of the file than it was asked for.")
    return first, total


def _host(response: httpx2.Response) -> str:
    """All that is said of an address: the rest of it may be a secret."""
    return response.url.host[:200]


def _phrase(status: int) -> str:
    try:
        return f" ({HTTPStatus(status).phrase})"
    except ValueError:
        return ""


def _retry_after(headers: Mapping[str, str]) -> float:
    """Retry-After (RFC 9110, 10.2.3): seconds, or a time; 0 without one that can be read."""
    said = headers.get("retry-after", "").strip()
    if _LENGTH.fullmatch(said):
        return float(said)
    at = _time(said)
    return max(0.0, (at - datetime.now(UTC)).total_seconds()) if at else 0.0


def _time(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
