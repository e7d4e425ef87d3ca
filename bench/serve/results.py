"""What serving costs, and the figures that sum it up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SIZES = {"200kb": 200_000, "2mb": 2_000_000}
"""The segments that are served: of 360p and of 1080p, about (bytes)."""
AIMS = {
    "direct_ratio_2mb": 0.8,
    "direct_req_per_cpu_s_200kb": 3000.0,
    "auth_request_ratio_200kb": 0.9,
    "auth_request_ratio_2mb": 0.9,
}
"""The least that each figure should be."""


@dataclass(frozen=True)
class Cost:
    """CPU time for each request, in µs."""

    size: int
    api_us: float
    """Of the API's process, which sends the file."""
    asking_us: float
    """Of an nginx that sends the file and asks the API, and of the API."""
    nginx_us: float
    """Of an nginx that sends the file to anybody."""
    ratio: float
    """nginx's by the API's: 1 if they take as much, less if nginx takes less."""
    asking_ratio: float
    """nginx's by that of the nginx that asks."""


def summary(costs: Mapping[str, Cost]) -> dict[str, float]:
    """The figures by the names that they have in JSON."""
    ratios = {f"direct_ratio_{name}": round(cost.ratio, 3) for name, cost in costs.items()}
    rates = {f"direct_req_per_cpu_s_{name}": round(1e6 / cost.api_us) for name, cost in costs.items()}
    asking = {f"auth_request_ratio_{name}": round(cost.asking_ratio, 3) for name, cost in costs.items()}
    lowest = {"auth_request_ratio": min(asking.values())}
    return {**ratios, **rates, **asking, **lowest}
