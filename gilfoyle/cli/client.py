"""Gilfoyle's HTTP API, as the command line calls it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

from gilfoyle.cli.multipart import UploadBody
from gilfoyle.errors import (
    Conflict,
    GilfoyleError,
    InvalidRequest,
    NotFound,
    TooLarge,
    Unavailable,
    UnsupportedMedia,
)

Json = dict[str, Any]

PAGE = 100
"""The most that the API lists at once."""
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_BY_STATUS = {
    **{kind.status: kind for kind in (Conflict, InvalidRequest, NotFound, TooLarge, Unavailable, UnsupportedMedia)},
    # What a proxy in front of the server answers while it restarts.
    httpx.codes.BAD_GATEWAY: Unavailable,
    httpx.codes.GATEWAY_TIMEOUT: Unavailable,
}
_TIMEOUT = httpx.Timeout(30, connect=5)
# After the last byte the server checks and stores the file: on a slow storage that takes a while.
_UPLOAD_TIMEOUT = httpx.Timeout(600, connect=5)


class Client:
    """A connection to one server. Every method raises the error that the server names, or Unavailable."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        # A proxy from the environment can't reach this very machine on our behalf.
        proxied = parts.hostname not in _LOOPBACK
        # Loading the certificates takes 0.1 s: not where no TLS is spoken.
        self._http = httpx.Client(base_url=url, timeout=_TIMEOUT, trust_env=proxied, verify=parts.scheme == "https")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def create(self, title: str) -> Json:
        """A new media, which awaits its upload."""
        return self._data("POST", "/v1/medias", json={"title": title})

    def upload(self, media_id: str, kind: str, body: UploadBody) -> Json:
        """Send the media's file. `kind` is `video` or `audio`."""
        headers = {"Content-Type": body.content_type, "Content-Length": str(body.length)}
        path = f"/v1/medias/{_quote(media_id)}/upload/{kind}"
        return self._data("POST", path, content=iter(body), headers=headers, timeout=_UPLOAD_TIMEOUT)

    def media(self, media_id: str) -> Json:
        """The media as it is now, with its renditions."""
        return self._data("GET", f"/v1/medias/{_quote(media_id)}")

    def medias(self, limit: int, status: str | None = None) -> tuple[list[Json], int]:
        """The newest `limit` medias, and how many there are in all."""
        found: list[Json] = []
        while True:
            asked: dict[str, str | int] = {"limit": min(PAGE, limit - len(found)), "offset": len(found)}
            if status:
                asked["status"] = str(status)
            answer = self._call("GET", "/v1/medias", params=asked)
            found += answer["data"]
            total = int(answer["metadata"]["total"])
            if not answer["data"] or len(found) >= min(limit, total):
                return found, total

    def retry(self, media_id: str, rendition: str | None = None) -> Json:
        """Have a rendition encoded again, or the media as a whole; the media, as it is now."""
        below = f"/renditions/{_quote(rendition)}" if rendition is not None else ""
        return self._data("POST", f"/v1/medias/{_quote(media_id)}{below}/retry")

    def verify(self, media_id: str) -> Json:
        """Have a media compared with its source; how far that is."""
        return self._data("POST", f"/v1/medias/{_quote(media_id)}/verify")

    def verification(self, media_id: str) -> Json:
        """What came of comparing a media with its source, or that it goes on."""
        return self._data("GET", f"/v1/medias/{_quote(media_id)}/verify")

    def made_of(self, sha256: str) -> Json | None:
        """The newest media that was made of the file with that checksum."""
        found: list[Json] = self._call("GET", "/v1/medias", params={"sha256": sha256, "limit": 1})["data"]
        return found[0] if found else None

    def delete(self, media_id: str) -> None:
        """Remove the media and everything of it."""
        self._call("DELETE", f"/v1/medias/{_quote(media_id)}")

    def _data(self, method: str, path: str, **how: Any) -> Json:
        data: Json = self._call(method, path, **how)["data"]
        return data

    def _call(self, method: str, path: str, **how: Any) -> Json:
        with _translated(self.url):
            answer = self._http.request(method, path, **how)
        if answer.status_code == httpx.codes.NO_CONTENT:
            return {}
        envelope = _envelope(answer)
        if envelope is None or (answer.is_success and "data" not in envelope):
            raise Unavailable(
                f"{self.url} answered {answer.status_code}, not as a Gilfoyle server does. Is the URL right?"
            )
        if answer.is_success:
            return envelope
        kind = _BY_STATUS.get(answer.status_code, GilfoyleError)
        raise kind(envelope["message"], code=envelope["code"], fields=envelope.get("fields"))


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """Turn httpx's errors into sentences."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise Unavailable(
            f"Nothing answers at {url}. Is `gilfoyle up` running? Name another server by --url or $GILFOYLE_URL."
        ) from error
    except httpx.TimeoutException as error:
        raise Unavailable(f"{url} took too long to answer. Try again.") from error
    except (httpx.RequestError, httpx.InvalidURL) as error:
        detail = str(error).rstrip(".") or type(error).__name__
        raise Unavailable(f"The connection to {url} broke: {detail}. Try again.") from error


def _envelope(answer: httpx.Response) -> Json | None:
    try:
        envelope = answer.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None
    if not isinstance(envelope, dict) or "code" not in envelope:
        return None
    return envelope if answer.is_success or "message" in envelope else None


def _quote(media_id: str) -> str:
    # One path element, whatever was typed: a slash or a dot must not reach another resource.
    return quote(media_id, safe="").replace(".", "%2E") or "%20"
