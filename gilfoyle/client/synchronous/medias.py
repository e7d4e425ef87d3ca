"""Medias, and what belongs to each: its file, tracks, attachments and addresses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from gilfoyle.client.answers import raise_for
from gilfoyle.client.models import Attachment, Deleted, Media, PlaybackId, SourceLink, Track, Verification
from gilfoyle.client.synchronous.connection import Connection, element
from gilfoyle.client.synchronous.waiting import sleep, write
from gilfoyle.errors import EncodeFailed, Unavailable

PAGE = 100
"""The most that the API lists at once."""
PATIENCE_S = 120.0
"""How long a download that breaks off, and gets no byte further, is tried again (seconds)."""
_POLL_S = 1.0
_PARTIAL = 206


class Medias:
    """`client.medias`. Where a media is asked for, its id is."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(self, title: str, **fields: Any) -> Media:
        """A new media, which awaits its file. `fields`: `description`, `external_id`, `metadata`, `encoding` …"""
        return Media.model_validate(self._connection.data("POST", "/v1/medias", json={"title": title, **fields}))

    def import_url(
        self, url: str, title: str, *, start: float | None = None, end: float | None = None, **fields: Any
    ) -> Media:
        """A new media, whose file the server fetches from `url`: `input[0]` of the media says how far that is.

        `start`, `end`: of the part that is encoded (seconds). `fields`: as of `create`. Raises InvalidRequest for a URL
        that the server never fetches.
        """
        part = {name: value for name, value in (("start", start), ("end", end)) if value is not None}
        return self.create(title, **{**fields, "input": [{"url": url, **part}]})

    def get(self, media_id: UUID | str) -> Media:
        """Raises NotFound."""
        return Media.model_validate(self._connection.data("GET", _media(media_id)))

    def all(self, **filters: Any) -> Iterator[Media]:
        """All that match, however many pages that takes; by default the newest first.

        `filters`: `status`, `q`, `tags`, `external_id`, `sort`, `include` … A list is sent with commas, a dict of
        `metadata` as it is: `metadata={"season": 1}`.
        """
        params = _params(filters)
        params.setdefault("limit", PAGE)
        while True:
            page = self._connection.envelope("GET", "/v1/medias", params=params)
            for each in page["data"]:
                yield Media.model_validate(each)
            params["cursor"] = page["metadata"].get("next_cursor")
            if not params["cursor"]:
                return

    def edit(self, media_id: UUID | str, **changes: Any) -> Media:
        """A JSON Merge Patch: None takes a value away."""
        return Media.model_validate(self._connection.data("PATCH", _media(media_id), json=changes))

    def delete(self, media_id: UUID | str) -> None:
        """Remove the media and everything of it. Raises NotFound."""
        self._connection.data("DELETE", _media(media_id))

    def delete_all(self, *, dry_run: bool = False, **filters: Any) -> Deleted:
        """Remove all that match, 1,000 at a time; `dry_run`: only count them. Raises InvalidRequest without a filter.

        `filters`: as in `all`.
        """
        params = {**_params(filters), **({"dry_run": "true"} if dry_run else {})}
        return Deleted.model_validate(self._connection.data("DELETE", "/v1/medias", params=params))

    def retry(self, media_id: UUID | str, rendition: str = "") -> Media:
        """Have a media encoded again that is Errored, or one of its renditions."""
        below = f"/renditions/{element(rendition)}" if rendition else ""
        return Media.model_validate(self._connection.data("POST", f"{_media(media_id)}{below}/retry"))

    def cancel(self, media_id: UUID | str) -> Media:
        """End what is being encoded: of a media that is Processing all, of one that is Ready its next version."""
        return Media.model_validate(self._connection.data("POST", f"{_media(media_id)}/cancel"))

    def encode_again(self, media_id: UUID | str, **options: Any) -> Media:
        """Have a media that is Ready encoded by other `options` (`max_height`, `clip` …), or of another file (`input`).

        It plays on meanwhile.
        """
        path = f"{_media(media_id)}/replacement"
        return Media.model_validate(self._connection.data("POST", path, json=options or None))

    def give_up_replacement(self, media_id: UUID | str) -> None:
        """End what is being made to take the media's place."""
        self._connection.data("DELETE", f"{_media(media_id)}/replacement")

    def download(self, media_id: UUID | str, path: Path, *, at: Callable[[int], None] = lambda _: None) -> None:
        """Write the file that was uploaded to `path`, and go on where a connection breaks.

        `at` is told how many bytes there are. Raises NotFound, Gone, and Unavailable if it gets nowhere for PATIENCE_S.
        """
        tag, offset, gained = "", 0, time.monotonic()
        while True:
            try:
                headers = {"Range": f"bytes={offset}-", "If-Range": tag} if offset else {}
                with self._connection.content(f"{_media(media_id)}/source", headers) as answer:
                    offset, tag = offset if answer.status_code == _PARTIAL else 0, answer.headers.get("etag", "")
                    with path.open("r+b" if offset else "wb") as file:
                        file.seek(offset)
                        for piece in answer.iter_bytes():
                            write(file, piece)
                            offset, gained = offset + len(piece), time.monotonic()
                            at(offset)
                return
            except Unavailable:
                if time.monotonic() - gained > PATIENCE_S:
                    raise
            sleep(_POLL_S)

    def source_link(self, media_id: UUID | str, ttl_s: int = 3600) -> SourceLink:
        """An address from which a browser downloads the file for so long (seconds), without a key."""
        path = f"{_media(media_id)}/source/links"
        return SourceLink.model_validate(self._connection.data("POST", path, json={"ttl_s": ttl_s}))

    def revoke_source_links(self, media_id: UUID | str) -> None:
        """No address that was made before is good any more."""
        self._connection.data("DELETE", f"{_media(media_id)}/source/links")

    def delete_source(self, media_id: UUID | str) -> None:
        """Delete the file that was uploaded, and keep the stream. Raises Conflict if something is encoded of it."""
        self._connection.data("DELETE", f"{_media(media_id)}/source")

    def wait(self, media_id: UUID | str, *, playable: bool = False) -> Media:
        """The media once it is Ready, or with `playable` as soon as it plays. Raises EncodeFailed if it never will."""
        while True:
            media = self.get(media_id)
            if media.status == "Ready" or (playable and media.playable):
                return media
            if media.status == "Errored" and media.error is not None:
                raise EncodeFailed(media.error.message, code=media.error.code)
            sleep(_POLL_S)

    def verify(self, media_id: UUID | str, *, wait: bool = True) -> Verification:
        """Have a media compared with its source, and wait for what comes of it, unless `wait` is False."""
        found = Verification.model_validate(self._connection.data("POST", f"{_media(media_id)}/verify"))
        while wait and found.status == "Running":
            sleep(_POLL_S)
            found = self.verification(media_id)
        return found

    def verification(self, media_id: UUID | str) -> Verification:
        """What came of comparing a media with its source, or that it goes on. Raises NotFound if nobody asked."""
        return Verification.model_validate(self._connection.data("GET", f"{_media(media_id)}/verify"))

    def tracks(self, media_id: UUID | str) -> list[Track]:
        """What a player can choose."""
        found = self._connection.data("GET", f"{_media(media_id)}/tracks")
        return [Track.model_validate(each) for each in found]

    def add_track(self, media_id: UUID | str, file: Path, **fields: Any) -> Track:
        """Captions or subtitles, WebVTT or SRT. `fields`: `language`, `label`, `role`, `default`."""
        sent = {name: _text(value) for name, value in fields.items()}
        files = {"file": (file.name, file.read_bytes())}
        path = f"{_media(media_id)}/tracks"
        return Track.model_validate(self._connection.data("POST", path, data=sent, files=files))

    def edit_track(self, media_id: UUID | str, name: str, **changes: Any) -> Track:
        """Change `language`, `label`, `role` or `default`."""
        path = f"{_media(media_id)}/tracks/{element(name)}"
        return Track.model_validate(self._connection.data("PATCH", path, json=changes))

    def remove_track(self, media_id: UUID | str, name: str) -> None:
        """Take an audio track or a text away."""
        self._connection.data("DELETE", f"{_media(media_id)}/tracks/{element(name)}")

    def attachments(self, media_id: UUID | str) -> list[Attachment]:
        """The small files beside the media."""
        found = self._connection.data("GET", f"{_media(media_id)}/attachments")
        return [Attachment.model_validate(each) for each in found]

    def attach(self, media_id: UUID | str, name: str, content: bytes) -> Attachment:
        """Put a small file beside the media, in the place of one of that name."""
        path = f"{_media(media_id)}/attachments/{element(name)}"
        headers = {"Content-Type": "application/octet-stream"}
        return Attachment.model_validate(self._connection.data("PUT", path, content=content, headers=headers))

    def attachment(self, media_id: UUID | str, name: str) -> bytes:
        """The content of a small file. Raises NotFound."""
        answer = self._connection.answer("GET", f"{_media(media_id)}/attachments/{element(name)}")
        raise_for(answer)
        return answer.content

    def detach(self, media_id: UUID | str, name: str) -> None:
        """Remove a small file."""
        self._connection.data("DELETE", f"{_media(media_id)}/attachments/{element(name)}")

    def add_playback_id(self, media_id: UUID | str, policy: str = "public") -> PlaybackId:
        """Another address; `policy`: `public`, or `signed`."""
        path = f"{_media(media_id)}/playback-ids"
        return PlaybackId.model_validate(self._connection.data("POST", path, json={"policy": policy}))

    def revoke_playback_id(self, media_id: UUID | str, playback_id: str) -> None:
        """Nothing plays by it any more."""
        self._connection.data("DELETE", f"{_media(media_id)}/playback-ids/{element(playback_id)}")


def _media(media_id: UUID | str) -> str:
    return f"/v1/medias/{element(media_id)}"


def _params(filters: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in filters.items():
        if isinstance(value, dict):
            found |= {f"{name}[{key}]": _text(each) for key, each in value.items()}
        else:
            found[name] = ",".join(map(_text, value)) if isinstance(value, (list, tuple, set)) else _text(value)
    return found


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(getattr(value, "isoformat", value.__str__)())
