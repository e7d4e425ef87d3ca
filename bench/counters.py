"""What a server tells Prometheus, as numbers that can be added up and subtracted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Counters:
    """Samples of one moment: `(name, labels, value)`."""

    samples: Sequence[tuple[str, Mapping[str, str], float]]

    def by(self, label: str, name: str, **labels: str) -> dict[str, float]:
        """The sum of all samples of that name and with those labels, by what another label says."""
        found = defaultdict[str, float](float)
        for each, own, value in self.samples:
            if each == name and all(own.get(key) == wanted for key, wanted in labels.items()):
                found[own.get(label, "")] += value
        return dict(found)

    def total(self, name: str, **labels: str) -> float:
        """The sum of all."""
        return sum(self.by("", name, **labels).values())


def read(text: str, names: Sequence[str]) -> Counters:
    """What Prometheus' text says of those names. Pure."""
    # A server under load tells of thousands of series, of which few are wanted: reading all takes seconds.
    lines = [line for line in text.splitlines() if line.startswith(tuple(names))]
    families = text_string_to_metric_families("\n".join(lines) + "\n")
    return Counters([(each.name, each.labels, each.value) for family in families for each in family.samples])


async def ask(http: httpx.AsyncClient, url: str, names: Sequence[str]) -> Counters:
    """As `read`, from where the server answers. Raises httpx.HTTPError."""
    return read((await http.get(url, timeout=_TIMEOUT_S)).text, names)


def rates(before: Mapping[str, float], after: Mapping[str, float], seconds: float) -> dict[str, float]:
    """How much each grew a second; what did not is left out. Pure."""
    grown = {name: (value - before.get(name, 0.0)) / seconds for name, value in after.items()}
    return {name: round(rate, 2) for name, rate in sorted(grown.items(), key=lambda item: -item[1]) if rate > 0}
