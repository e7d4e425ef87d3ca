"""What is of the whole installation, and the passes of this process: gathered whenever Prometheus asks.

`gilfoyle_passes` has two sources. Each worker knows what it runs; what waits, and what workflows hold back, are known
to the catalog and to Temporal, and told by one process only (`tell`): so the sum over all processes is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gilfoyle.metrics.instruments import REGISTRY

WAITING, RUNNING, HELD_BACK = "waiting", "running", "held_back"
"""States of a pass: in its task queue; at a worker; kept back by its workflow, which hands passes out in an order."""


@dataclass(frozen=True)
class Totals:
    """What is of the whole installation."""

    medias: Mapping[str, int] = field(default_factory=dict)
    """By status; empty: not known."""
    passes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By queue and state."""


Source = Callable[[], Totals | None]
"""Blocks for seconds at most. None: another process tells."""
RUNNING_PASSES: Counter[str] = Counter()
"""How many passes this process runs, by queue: 0 for each queue that it works on."""


class Gauges(Collector):
    """`gilfoyle_medias` and `gilfoyle_passes`."""

    def __init__(self) -> None:
        self._sources: list[Source] = []

    @contextmanager
    def told_by(self, source: Source) -> Iterator[None]:
        """Ask that source for totals, too, until the end of the block."""
        self._sources.append(source)
        try:
            yield
        finally:
            self._sources.remove(source)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Their names, without asking anybody."""
        return families(Totals())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Called by a thread that answers Prometheus."""
        told = [totals for source in [*self._sources] if (totals := source()) is not None]
        running = {(queue, RUNNING): count for queue, count in sorted(RUNNING_PASSES.items())}
        known = told[0] if told else Totals()
        return families(Totals(known.medias, {**known.passes, **running}))


def families(totals: Totals) -> Iterator[GaugeMetricFamily]:
    """The totals as Prometheus has them."""
    medias = GaugeMetricFamily("gilfoyle_medias", "Medias in the catalog", labels=("status",))
    for status, count in totals.medias.items():
        medias.add_metric((status,), count)
    yield medias
    passes = GaugeMetricFamily("gilfoyle_passes", "Passes that have not ended", labels=("queue", "state"))
    for labels, count in totals.passes.items():
        passes.add_metric(labels, count)
    yield passes


def text_of(totals: Totals) -> bytes:
    """Prometheus' text format of the totals alone."""
    return generate_latest(_Told(totals))


class _Told(Collector):
    def __init__(self, totals: Totals) -> None:
        self._totals = totals

    def collect(self) -> Iterator[GaugeMetricFamily]:
        return families(self._totals)


GAUGES = Gauges()
REGISTRY.register(GAUGES)
