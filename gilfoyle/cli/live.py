"""Showing how something goes on: lines that grow, or plain lines where no terminal is."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.progress import Progress, ProgressColumn

from gilfoyle.cli.text import say


class Live:
    """The base of reports: `_progress` is shown while it is entered, and each sentence is said once."""

    def __init__(self, console: Console, *columns: ProgressColumn) -> None:
        self._console = console
        self._told: set[str] = set()
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _once(self, what: str, sentence: str) -> None:
        if what not in self._told:
            self._told.add(what)
            say(self._console, sentence)
