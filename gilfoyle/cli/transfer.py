"""From a file on this machine to a media on the server."""

from __future__ import annotations

import contextlib
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from gilfoyle.cli.client import Client, Json
from gilfoyle.cli.multipart import UploadBody
from gilfoyle.cli.text import clean, human_bytes, say
from gilfoyle.errors import Conflict, GilfoyleError, InvalidRequest, Unavailable

AUDIO_EXTENSIONS = frozenset(
    f".{name}"
    for name in (
        *("aac", "ac3", "aif", "aiff", "amr", "ape", "caf", "eac3", "flac", "m4a", "m4b", "mka"),
        *("mp2", "mp3", "oga", "ogg", "opus", "wav", "wma", "wv"),
    )
)


@dataclass(frozen=True)
class Source:
    """A file that can be sent. `kind` is `video` or `audio`, `size` in bytes."""

    path: Path
    kind: str
    size: int


def examine(path: Path, kind: str | None = None) -> Source:
    """Raises InvalidRequest if the file can't be sent. Without a `kind`, the file's extension tells it."""
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
    guess = "audio" if path.suffix.lower() in AUDIO_EXTENSIONS else "video"
    return Source(path, kind or guess, status.st_size)


def send(client: Client, source: Source, title: str, console: Console) -> Json:
    """Create a media and upload the file to it; returns the media.

    Whatever stops it, Ctrl-C too, leaves no media behind.
    """
    media = client.create(title)
    try:
        with _progress(console, source) as on_bytes:
            media = _transfer(client, media["id"], source, on_bytes)
    except BaseException:
        _remove(client, media["id"])
        raise
    say(console, f"{source.path.name}: sent {human_bytes(source.size)}, media {media['id']}")
    return media


def _transfer(client: Client, media_id: str, source: Source, on_bytes: Callable[[int], None]) -> Json:
    try:
        with source.path.open("rb") as file:
            body = UploadBody(file, source.path.name, source.size, on_bytes)
            return client.upload(media_id, source.kind, body)
    except OSError as error:
        raise InvalidRequest(f"{source.path} can't be read: {error.strerror}.") from error
    except Unavailable:
        # The answer may have been lost after the file had arrived: then there is nothing to repeat.
        with contextlib.suppress(GilfoyleError):
            media = client.media(media_id)
            if media["status"] != "AwaitingUpload":
                return media
        raise


def _remove(client: Client, media_id: str) -> None:
    """Delete what was created. Best effort: the error or the Ctrl-C that led here is what the user is told."""
    for _ in range(10):
        try:
            client.delete(media_id)
        except Conflict:
            time.sleep(0.3)  # the server has yet to notice that the upload broke off
        except GilfoyleError:
            return
        else:
            return


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
        yield lambda count: progress.advance(task, count)
