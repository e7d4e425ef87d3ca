"""From a file on this machine to a media on the server."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from gilfoyle.cli.text import Json, clean, given, human_bytes, say
from gilfoyle.client import Gilfoyle
from gilfoyle.errors import InvalidRequest, Unavailable


@dataclass(frozen=True)
class Source:
    """A file that can be sent. `kind`: `audio` for its audio only; `size` in bytes."""

    path: Path
    kind: str | None
    size: int


def examine(path: Path, kind: str | None = None) -> Source:
    """Raises InvalidRequest if the file can't be sent."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InvalidRequest(f"{path} is a folder. Name the files in it.")
        if not stat.S_ISREG(status.st_mode):
            raise InvalidRequest(f"{path} is not a regular file, so its size is not known. Save it to a file first.")
        with path.open("rb"):
            pass
    except FileNotFoundError as error:
        raise InvalidRequest(f"There is no file {path}.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidRequest(f"{path} can't be read: {reason}.") from error
    if status.st_size == 0:
        raise InvalidRequest(f"{path} is empty.")
    return Source(path, kind, status.st_size)


def send(client: Gilfoyle, source: Source, title: str, console: Console) -> Json:
    """Upload the file, which becomes a media of that title; returns the media. Raises what `upload` does."""
    media = upload(client, source, console, media={"title": title})
    say(console, f"{source.path.name}: sent {human_bytes(source.size)}, media {media['id']}")
    return media


def replace(client: Gilfoyle, media_id: str, source: Source, console: Console) -> Json:
    """Send another file for a media that is Ready; the media, with its replacement. Raises what `upload` does."""
    media = upload(client, source, console, media_id=client.medias.get(media_id).id, replace=True)
    say(console, f"{source.path.name}: sent {human_bytes(source.size)}")
    return media


def upload(client: Gilfoyle, source: Source, console: Console, **becomes: Any) -> Json:
    """Send the file; the media as it is then. `becomes`: the fields of the upload that say what is made of it.

    An upload that breaks off goes on where it did. Whatever stops it for good, Ctrl-C too, leaves no media behind.
    Raises what the server refuses it for, and Unavailable if it gets nowhere for two minutes.
    """

    def paused(offset: int | None) -> None:
        if offset is None:
            say(console, f"{source.path.name}: the upload broke off; it goes on by itself when the server answers.")
        else:
            where = f"{human_bytes(offset)} of {human_bytes(source.size)}"
            say(console, f"{source.path.name}: goes on at {where}.")

    asked = becomes | ({"kind": source.kind} if source.kind else {})
    # A name of undecodable bytes reaches Python as lone surrogates, which UTF-8 refuses.
    asked["file_name"] = source.path.name.encode("utf-8", "replace").decode()
    try:
        with _progress(console, source) as at:
            sent = client.uploads.send(source.path, at=at, paused=paused, **asked)
    except OSError as error:
        raise InvalidRequest(f"{source.path} can't be read: {error.strerror}.") from error
    if sent.media_id is None:
        raise Unavailable("The server has not taken the file yet: `gilfoyle list` tells when it has.")
    return given(client.medias.get(sent.media_id))


@contextmanager
def _progress(console: Console, source: Source) -> Iterator[Callable[[int], None]]:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(clean(source.path.name), total=source.size)
        yield lambda position: progress.update(task, completed=position)
