"""The results as a table."""

from __future__ import annotations

from rich.table import Table

from bench.machine import Machine
from bench.receive.results import AIMS, MOST_GROWTH_MB, Found, summary
from bench.tables import figures


def table(found: Found, machine: Machine) -> Table:
    """A row per figure."""
    rates, crowd, sums = found.rates, found.crowd, summary(found)
    size = f"{found.size / 2**20:g} MiB"
    memory = ", ".join(f"{mb:.0f} ({mib} MiB)" for mib, mb in sorted(found.peak_mb.items()))
    at_once = f"{crowd.seconds:.1f} s; one: {crowd.median_s:.1f}, p99 {crowd.p99_s:.1f}; {crowd.peak_mb:.0f} MB"
    rows = [
        [f"{size} by PUT; to nginx, on the disk", *_beside(rates.put, rates.nginx_synced, rates.put_ratio)],
        [f"{size} by tus; to nginx, on the disk", *_beside(rates.tus, rates.nginx_synced, rates.tus_ratio)],
        [
            f"{size} by PUT; to nginx",
            f"{rates.put:.0f} MB/s",
            f"{rates.nginx:.0f} MB/s",
            f"{rates.unsynced_ratio:.2f}",
            "",
        ],
        ["processor time, of nginx's", "", "", f"{rates.cpu_ratio:.2f}", ""],
        ["memory, MB", memory, "", f"+{sums['memory_growth_mb']:.0f}", f"≤ +{MOST_GROWTH_MB:g}"],
        [f"{crowd.uploads} at once", at_once, "", f"{crowd.failed} failed", "0 failed"],
    ]
    return figures("Uploads", ("ours", "beside", "ratio", "aim"), rows, str(machine))


def _beside(ours: float, theirs: float, ratio: float) -> list[str]:
    return [f"{ours:.0f} MB/s", f"{theirs:.0f} MB/s", f"{ratio:.2f}", f"≥ {AIMS['upload_ratio']:g}"]
