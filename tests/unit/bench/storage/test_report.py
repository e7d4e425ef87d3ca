"""The tables."""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table

from bench.storage.machine import Machine
from bench.storage.report import memory, speeds
from bench.storage.side import Sizes
from tests.unit.bench.storage.figures import backend, pair

MACHINE = Machine(cores=2, system="Linux x86_64", load=0.3, boto3="1.44.8", seaweedfs="4.48", kubo="")
SIZES = Sizes(object_mib=1000, segments=1000)
BACKENDS = {"s3": backend(pair(put=(2, 1)), segments=pair(put=(3, 6)))}


def cells(table: Table) -> list[list[str]]:
    """The words of title and caption, then the cells of each row."""
    out = io.StringIO()
    Console(file=out, width=120).print(table)
    lines = out.getvalue().splitlines()
    words = " ".join(" ".join(line for line in lines if line[:1] not in "│┏┃┡├└").split())
    return [[words], *([cell.strip() for cell in line.strip("│").split("│")] for line in lines if line[:1] == "│")]


def test_a_row_has_both_sides_their_ratio_and_the_aim() -> None:
    (text,), *rows = cells(speeds(BACKENDS, {"s3": "boto3"}, SIZES, MACHINE))
    assert ["s3 put, MB/s (boto3)", "524", "1049", "0.500", "≥ 0.90"] in rows
    assert ["s3 put, ms a segment", "3.00", "6.00", "2.000", ""] in rows
    assert "1 object of 1000 MiB; 1000 segments of 0.5 MB" in text
    assert "2 cores, load 0.3 before, Linux x86_64, boto3 1.44.8, SeaweedFS 4.48; pairs: 1" in text


def test_what_was_not_measured_is_a_dash() -> None:
    _, *rows = cells(speeds({"filesystem": backend()}, {"filesystem": "cp"}, SIZES, MACHINE))
    assert ["filesystem get, cached, MB/s (cp)", "–", "–", "–", ""] in rows


def test_memory_by_size_and_how_it_grew() -> None:
    assert ["s3", "60.0", "50.0", "10.0"] in cells(memory(BACKENDS, SIZES))
