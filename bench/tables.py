"""The results as a table for people: a row per figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table


def figures(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> Table:
    """`headings` without the first column, which names the figure; every row has one cell more than there are."""
    shown = Table(title=title, min_width=76, caption=caption)
    shown.add_column("")
    for heading in headings:
        shown.add_column(heading, justify="right")
    for row in rows:
        shown.add_row(*row)
    return shown
