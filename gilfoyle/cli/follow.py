"""Follow a media while it is encoded: a live line per rendition, or plain lines where no terminal is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn

from gilfoyle.cli.live import Live
from gilfoyle.cli.text import Json, clean, given, human_bytes
from gilfoyle.client import Gilfoyle
from gilfoyle.errors import GilfoyleError, Unavailable, UnsupportedMedia

POLL_S = 0.5
PATIENCE_S = 120.0
"""How long a server may be away, for a restart, before following gives up."""


def follow(client: Gilfoyle, media: Json, name: str, console: Console) -> str:
    """Show the media's progress until it is ready; returns the URL to play.

    Raises UnsupportedMedia or GilfoyleError with the server's reason if it can't be encoded.
    """
    started = time.monotonic()
    with MediaDisplay(console, name) as report:
        for state in poll(client, media["id"]):
            report.update(state, time.monotonic() - started)
            media = state
    if media["status"] == "Errored":
        error = media.get("error") or {}
        raise UnsupportedMedia(error.get("message") or "It could not be encoded.", code=error.get("code"))
    url: str | None = media["stream_url"]
    if url is None:
        raise GilfoyleError(f"The media is {media['status']}, but the server names no URL to play.")
    return url


def follow_rendition(client: Gilfoyle, media: Json, rendition: str, console: Console) -> None:
    """Show the progress of one rendition until it is ready.

    Raises GilfoyleError with the server's reason if it can't be encoded, or the media can't.
    """
    with MediaDisplay(console, media["title"]) as report:
        for state in poll(client, media["id"], over=lambda state: _has_ended(state, rendition)):
            found = _named(state, rendition)
            report.rendition(found)
    if found["status"] == "Errored":
        raise GilfoyleError((found.get("error") or {}).get("message") or "It could not be encoded.")


def follow_replacement(client: Gilfoyle, media: Json, console: Console) -> str:
    """Show the progress of the version that is made of a media until it takes the place; returns the URL to play.

    Raises UnsupportedMedia with the server's reason if it can't be encoded.
    """
    version = (media["replacement"] or media)["version"]
    with MediaDisplay(console, media["title"]) as report:
        for state in poll(client, media["id"], over=lambda state: _is_replaced(state, version)):
            found, name = state["replacement"], f"version {version}"
            report.rendition({"name": name, **(found or {"status": "Ready", "progress": 1.0})})
    if state["version"] != version:
        raise UnsupportedMedia((found or {}).get("error", {}).get("message") or "The replacement was given up.")
    return str(state["stream_url"])


def _is_replaced(media: Json, version: int) -> bool:
    replacement = media["replacement"]
    return replacement is None or replacement["version"] != version or replacement["status"] == "Errored"


def _named(media: Json, rendition: str) -> Json:
    for found in media["renditions"]:
        if found["name"] == rendition:
            return dict(found)
    raise GilfoyleError(f"The media has no rendition {rendition} any more.")


def _has_ended(media: Json, rendition: str) -> bool:
    return _named(media, rendition)["status"] in ("Ready", "Errored")


def _is_whole(media: Json) -> bool:
    return media["status"] in ("Ready", "Errored")


def poll(
    client: Gilfoyle,
    media_id: str,
    pause: float = POLL_S,
    patience: float = PATIENCE_S,
    over: Callable[[Json], bool] = _is_whole,
) -> Iterator[Json]:
    """The media's states, up to the first that is `over`.

    A server that is away for less than `patience` seconds is waited for.
    """
    seen = time.monotonic()
    while True:
        try:
            media = given(client.medias.get(media_id))
        except Unavailable as error:
            if time.monotonic() - seen > patience:
                raise Unavailable(
                    f"{error.message} The media is safe: `gilfoyle show {media_id}` tells how it fares."
                ) from error
        else:
            seen = time.monotonic()
            yield media
            if over(media):
                return
        time.sleep(pause)


class MediaDisplay(Live):
    """What is shown of one media while it is followed."""

    def __init__(self, console: Console, name: str) -> None:
        super().__init__(
            console,
            TextColumn("  {task.description:>12}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[status]}", markup=False),
        )
        self._name = name
        self._tasks: dict[str, TaskID] = {}

    def update(self, media: Json, elapsed: float) -> None:
        """Show `media` as it is `elapsed` seconds after its upload."""
        for fetched in media.get("input", []):
            self._input(fetched)
        for rendition in media.get("renditions", []):
            self.rendition(rendition)
        if media["playable"]:
            self._once("playable", f"playable after {elapsed:.1f} s: {media['stream_url']}")
        for each in media.get("warnings", []):
            self._once(each["message"], f"warning: {each['message']}")
        if media["status"] == "Ready":
            self._once("ready", f"ready after {elapsed:.1f} s")
            self._once("watch", f"watch it in a browser: {media['watch_url']}")

    def rendition(self, rendition: Json) -> None:
        """Show one of them."""
        name, status = rendition["name"], rendition["status"]
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(clean(name), status="", total=1)
        self._progress.update(self._tasks[name], completed=rendition["progress"], status=status)
        if status == "Errored":
            reason = (rendition.get("error") or {}).get("message", "it could not be encoded")
            self._once(f"{name} failed", f"{name} failed: {reason}")
        elif status == "Ready" and not self._console.is_terminal:
            self._once(f"{name} ready", f"{name} ready")

    def _input(self, fetched: Json) -> None:
        """Show how much of a file the server has fetched."""
        if "file" not in self._tasks:
            if fetched["status"] != "Importing":
                return
            self._tasks["file"] = self._progress.add_task("file", status="", total=None)
        received, total = fetched["received_bytes"], fetched["total_bytes"]
        status = fetched["status"] if fetched["status"] != "Importing" else f"{human_bytes(received)} fetched"
        self._progress.update(self._tasks["file"], completed=received, total=total, status=status)
        if fetched["status"] == "Imported":
            self._once("imported", f"fetched {human_bytes(received)}")

    def _once(self, what: str, sentence: str) -> None:
        super()._once(what, f"{self._name}: {sentence}")
