"""The results as a table."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from bench.machine import Machine
from bench.serve.results import AIMS, Cost
from bench.tables import figures


def table(costs: Mapping[str, Cost], machine: Machine) -> Table:
    """Three rows for each size: the API's process, an nginx that asks it, and an nginx that does not."""
    rows = [row for name, cost in costs.items() for row in _rows(name, cost)]
    headings = ("CPU, µs", "of nginx's", "aim", "per CPU s", "aim")
    return figures("CPU time of a segment", headings, rows, str(machine))


def _rows(name: str, cost: Cost) -> list[list[str]]:
    size = f"{cost.size / 1e6:g} MB"
    return [
        [
            f"{size}, API",
            f"{cost.api_us:.0f}",
            f"{cost.ratio:.2f}",
            _aim(f"direct_ratio_{name}"),
            f"{1e6 / cost.api_us:.0f}",
            _aim(f"direct_req_per_cpu_s_{name}"),
        ],
        [
            f"{size}, nginx that asks",
            f"{cost.asking_us:.0f}",
            f"{cost.asking_ratio:.2f}",
            _aim(f"auth_request_ratio_{name}"),
            f"{1e6 / cost.asking_us:.0f}",
            "",
        ],
        [f"{size}, nginx", f"{cost.nginx_us:.0f}", "1", "", f"{1e6 / cost.nginx_us:.0f}", ""],
    ]


def _aim(figure: str) -> str:
    return f"≥ {AIMS[figure]:g}" if figure in AIMS else ""
