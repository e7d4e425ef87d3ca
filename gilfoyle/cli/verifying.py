"""Comparing medias with their sources, as it is asked for, waited for and shown at a terminal."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from rich import box
from rich.console import Console
from rich.table import Table

from gilfoyle.cli.text import Json, clean, given, say
from gilfoyle.client import Gilfoyle
from gilfoyle.errors import GilfoyleError, NotFound, Unavailable

_POLL_S = 1.0
_PATIENCE_S = 120.0
_STYLES = {"differs": "bold red", "not_compared": "yellow"}


@dataclass(frozen=True)
class Verified:
    """One media, and what was found. `asked`: how it was named; `fault`: why it could not be compared, or empty."""

    asked: str
    media_id: str = ""
    agreement: Json | None = None
    fault: str = ""

    @property
    def agrees(self) -> bool:
        """Nothing differs, and something was compared."""
        return bool(self.agreement and self.agreement["agrees"])

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        found = {"asked": self.asked, "media_id": self.media_id or None, "agrees": self.agrees}
        return {**found, "fault": self.fault or None, "findings": self.agreement["findings"] if self.agreement else []}


def verify(client: Gilfoyle, asked: str, console: Console) -> Verified:
    """Have a media verified and wait until that is done. What keeps one from being compared is in the result.

    `asked`: an id, or a file that was uploaded. Raises Unavailable if the server does not answer.
    """
    media_id = ""
    try:
        media_id = _media_id(client, asked)
        client.medias.verify(media_id, wait=False)
        say(console, f"{asked}: comparing the stream with its source; the server goes on with that after Ctrl-C.")
        state = _wait(client, media_id)
    except Unavailable:
        raise
    except GilfoyleError as error:
        return Verified(asked, media_id, fault=error.message)
    fault = state["error"]["message"] if state["error"] else ""
    return Verified(asked, media_id, state["agreement"], fault)


def show(verified: Verified, console: Console) -> None:
    """A table of what was compared, and the sentences of what differs below it."""
    name = clean(verified.asked)
    if verified.agreement is None:
        say(console, f"{name}: not compared. {verified.fault}")
        return
    table = Table(title=name, title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("WHAT", "OF", "SOURCE", "STREAM", "VERDICT"):
        table.add_column(heading)
    for finding in verified.agreement["findings"]:
        verdict = finding["verdict"]
        cells = (finding["check"], finding["of"], finding["source"], finding["stream"], verdict.replace("_", " "))
        table.add_row(*map(clean, cells), style=_STYLES.get(verdict))
    console.print(table)
    for finding in verified.agreement["findings"]:
        if finding["detail"]:
            say(console, f"  {finding['check']} of {finding['of']}: {finding['detail']}")
    say(console, f"{name} {'agrees' if verified.agrees else 'does not agree'} with its source.")


def _media_id(client: Gilfoyle, asked: str) -> str:
    """Raises NotFound if no media was made of the file."""
    path = Path(asked)
    if _is_id(asked) or not path.is_file():
        return asked
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    media = next(client.medias.all(sha256=digest, limit=1), None)
    if media is None:
        raise NotFound("No media was made of that file: upload it first.")
    return str(media.id)


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _wait(client: Gilfoyle, media_id: str) -> Json:
    """Ask until it has ended. A server that restarts meanwhile is waited for."""
    answered = time.monotonic()
    while True:
        try:
            state = given(client.medias.verification(media_id))
            answered = time.monotonic()
        except Unavailable:
            if time.monotonic() - answered > _PATIENCE_S:
                raise
        else:
            if state["status"] != "Running":
                return state
        time.sleep(_POLL_S)
