"""How a run went, as tables for people."""

from __future__ import annotations

from rich.table import Table

from chaos.report import REDONE_AT_MOST, Report


def tables(report: Report) -> list[Table]:
    """For people."""
    where = f"storage {report.storage}" if report.inside else report.storage
    faults = Table(title=f"{report.minutes:g} minutes of chaos, {where}, seed {report.seed}", min_width=60)
    faults.add_column("fault")
    faults.add_column("times", justify="right")
    for kind, count in sorted(report.faults.items()):
        faults.add_row(kind, str(count))
    if report.disk_full:
        faults.add_row("disk full", report.disk_full)
    uploads = Table(min_width=60)
    uploads.add_column("upload")
    for heading in ("accepted", "ready", "errored"):
        uploads.add_column(heading, justify="right")
    for kind, tally in report.uploads.items():
        uploads.add_row(kind, str(tally.accepted), str(tally.ready), str(tally.errored))
    uploads.add_row("all", *(str(report.total(name)) for name in ("accepted", "ready", "errored")), style="bold")
    figures = Table(min_width=60)
    figures.add_column("at the end")
    figures.add_column("", justify="right")
    figures.add_column("aim", justify="right")
    rows = [
        ("kills" if report.inside else "containers taken away", report.kills, f"≥ {report.wanted_kills}"),
        ("lost uploads", len(report.lost), "0"),
        ("stuck medias and workflows", len(report.stuck), "0"),
    ]
    if report.inside:
        rows += _inside(report)
    for name, value, aim in rows:
        figures.add_row(name, str(value), aim)
    return [faults, uploads, figures]


def _inside(report: Report) -> list[tuple[str, int, str]]:
    """What only who has all of an installation can look at."""
    return [
        ("workflows that failed unforeseen", len(report.unforeseen), "0"),
        ("orphan objects (before the sweep: " + str(report.swept) + ")", len(report.orphans), "0"),
        ("processes left behind", len(report.leftovers), "0"),
        (
            f"chunks that a kill cost a slot (not measured: {report.unmeasured})",
            report.redone_chunks_max,
            f"≤ {REDONE_AT_MOST}",
        ),
        ("medias stopped by hand and tried again", report.retried, ""),
        ("chunks encoded again since the storage had lost them", len(report.repaired), ""),
        ("parts that ended by themselves", len(report.deaths), ""),
    ]
