"""What is measured and what is documented are the same, with the same labels."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.metrics import MetricWrapperBase

from gilfoyle.metrics import instruments
from gilfoyle.metrics.instruments import REGISTRY
from gilfoyle.metrics.passes import HELD_BACK, RUNNING, WAITING, Totals, families

_ROW = re.compile(r"^\| `(gilfoyle_\w+)` \|([^|]*)\|", re.MULTILINE)
DOCS = Path(__file__).parents[3] / "docs" / "operations.md"


def documented() -> dict[str, set[str]]:
    """Each metric of the table, and its labels."""
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in _ROW.findall(DOCS.read_text())}


def exported() -> dict[str, set[str]]:
    found = {}
    for each in vars(instruments).values():
        if isinstance(each, MetricWrapperBase) and each._name not in ("gilfoyle_bytes",):
            suffix = "_total" if each._type == "counter" else ""
            found[each._name + suffix] = set(each._labelnames)
    found["gilfoyle_bytes_total"] = {"direction"}
    for family in families(Totals({"Ready": 1}, {("first", WAITING): 1})):
        found[family.name] = {label for sample in family.samples for label in sample.labels}
    return {name: labels for name, labels in found.items() if name.startswith("gilfoyle_")}


def test_the_table_names_every_metric_and_its_labels() -> None:
    assert documented() == exported()


def test_every_state_of_a_pass_is_documented() -> None:
    row = next(line for line in DOCS.read_text().splitlines() if line.startswith("| `gilfoyle_passes`"))
    assert {WAITING, RUNNING, HELD_BACK} <= set(re.findall(r"`(\w+)`", row))


def test_no_series_says_when_another_began() -> None:
    instruments.STORAGE_DURATION.labels("filesystem", "read").observe(1)
    assert "_created" not in generate_latest(REGISTRY).decode()
