"""When a run is good, and what it tells."""

from __future__ import annotations

import io
import json
from collections import Counter

import pytest
from rich.console import Console

from chaos.report import Report, Tally
from chaos.table import tables


def report() -> Report:
    return Report(
        minutes=15,
        seed=1,
        storage="s3",
        faults=Counter({"API": 30, "transcode worker": 30, "connections cut": 5, "disk full": 2}),
        uploads={"film": Tally(10, 10, 0), "text": Tally(3, 0, 3)},
        redone=[Counter(), Counter({"transcode": 1}), Counter({"transcode": 1, "first": 1})],
    )


def test_it_is_good() -> None:
    assert report().good
    assert report().findings == []


@pytest.mark.parametrize("name", ["lost", "stuck", "unforeseen", "orphans", "leftovers"])
def test_one_thing_wrong_is_enough(name: str) -> None:
    bad = report()
    getattr(bad, name).append("something")
    assert not bad.good
    assert any("something" in finding for finding in bad.findings)


def test_a_kill_may_cost_each_slot_one_chunk() -> None:
    bad = report()
    bad.redone.append(Counter({"first": 2}))
    assert bad.redone_chunks_max == 2
    assert not bad.good


def test_sixty_kills_in_fifteen_minutes_are_asked_for() -> None:
    few = report()
    few.faults["API"] = 29
    assert few.kills == 59
    assert not few.good
    assert few.findings == ["too few kills: 59 of 60"]


def test_the_figures_are_json() -> None:
    found = json.loads(json.dumps(report().figures()))
    wanted = {"kills": 60, "accepted": 13, "ready": 10, "errored": 3, "lost": 0, "stuck": 0, "orphans": 0}
    assert found.items() >= {**wanted, "redone_chunks_max": 1, "disk_full": 2}.items()
    away = report()
    away.disk_full = "not possible here: permission denied"
    assert away.figures()["disk_full"] == "not possible here: permission denied"


def test_the_tables_hold_the_figures() -> None:
    console = Console(file=io.StringIO(), width=100)
    for table in tables(report()):
        console.print(table)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if line[:1] == "│"]
    for row in (["API", "30"], ["text", "3", "0", "3"], ["all", "13", "10", "3"], ["kills", "60", "≥ 60"]):
        assert row in rows


def test_of_a_stack_it_tells_only_what_was_looked_at() -> None:
    of_stack = report()
    of_stack.inside = False
    assert of_stack.figures().keys() >= {"kills", "lost", "stuck", "unforeseen", "findings"}
    assert not of_stack.figures().keys() & {"orphans", "redone_chunks_max", "leftover_processes"}
    out = io.StringIO()
    for table in tables(of_stack):
        Console(file=out, width=100).print(table)
    assert "containers taken away" in out.getvalue() and "orphan" not in out.getvalue()
