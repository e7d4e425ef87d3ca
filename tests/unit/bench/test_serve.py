"""What the figures of `bench serve` are made of."""

from __future__ import annotations

from rich.console import Console

from bench.machine import Machine
from bench.serve.report import table
from bench.serve.results import Cost, summary

COSTS = {
    "200kb": Cost(200_000, 300.0, 50.0, 45.0, 0.15, 0.9),
    "2mb": Cost(2_000_000, 800.0, 650.0, 640.0, 0.8, 0.98),
}


def test_the_figures() -> None:
    assert summary(COSTS) == {
        "direct_ratio_200kb": 0.15,
        "direct_ratio_2mb": 0.8,
        "direct_req_per_cpu_s_200kb": 3333,
        "direct_req_per_cpu_s_2mb": 1250,
        "auth_request_ratio_200kb": 0.9,
        "auth_request_ratio_2mb": 0.98,
        "auth_request_ratio": 0.9,
    }


def test_the_table() -> None:
    console = Console(width=200, record=True)
    console.print(table(COSTS, Machine(2, "Linux x86_64", "9.0", 1, 2)))
    text = console.export_text()
    for cell in ("0.2 MB", "300", "45", "0.15", "3333", "≥ 3000", "2 MB", "≥ 0.8"):
        assert cell in text
