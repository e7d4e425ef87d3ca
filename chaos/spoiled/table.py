"""What became of spoiled files, as tables for people."""

from __future__ import annotations

from rich.table import Table

from chaos.spoiled.outcome import AGREES, DIFFERS, ERRORED, REFUSED, STUCK, Report, counted

_HEADINGS = {AGREES: "Ready, agrees", DIFFERS: "Ready, differs", ERRORED: "Errored", STUCK: "stuck", REFUSED: "refused"}


def tables(report: Report) -> list[Table]:
    """By container, and the codes of what is Errored."""
    shown = Table(
        title=f"{len(report.outcomes)} spoiled files, seed {report.seed}, {report.seconds:.0f} s", min_width=76
    )
    shown.add_column("container")
    for heading in ("files", *_HEADINGS.values()):
        shown.add_column(heading, justify="right")
    for container, count in report.rows():
        shown.add_row(container, str(count.total()), *(str(count[what]) for what in _HEADINGS))
    every = (str(counted(report.outcomes, what)) for what in _HEADINGS)
    shown.add_row("all", str(len(report.outcomes)), *every, style="bold")
    codes = Table(min_width=76)
    codes.add_column("Errored with")
    codes.add_column("files", justify="right")
    for code, number in report.codes():
        codes.add_row(code, str(number))
    return [shown, codes]
