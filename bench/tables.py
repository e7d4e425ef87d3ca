"""The results as a table for people: a row per figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table


def empty(title: str, headings: Sequence[str], caption: str = "") -> Table:
    """`headings` without the first column, which names the figure."""
    shown = Table(title=title, min_width=76, caption=caption)
    shown.add_column("")
    for heading in headings:
        shown.add_column(heading, justify="right")
    return shown


def figures(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> Table:
    """As `empty`, with rows; each has one cell more than there are headings."""
    shown = empty(title, headings, caption)
    for row in rows:
        shown.add_row(*row)
    return shown
