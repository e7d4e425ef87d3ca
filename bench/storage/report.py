"""The results as tables for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from rich.table import Table

from bench.results import median_of, number
from bench.storage.data import SEGMENT_BYTES
from bench.storage.machine import Machine
from bench.storage.results import Action, Backend, Measured, Pair, actions_of, summary
from bench.storage.side import SMALL_MIB, Sizes
from bench.tables import empty

AIM = 0.9
"""What the throughput with the large object should be at least, as a part of the bare tool's."""

_SAID: dict[Action, str] = {"put": "put", "get": "get", "get_cached": "get, cached"}


def speeds(backends: Mapping[str, Backend], tools: Mapping[str, str], sizes: Sizes, machine: Machine) -> Table:
    """A row per figure: ours, the bare tool's, their ratio, and the least that the ratio should be.

    `tools`: what each bare tool is called.
    """
    ratios = summary(backends)
    pairs = max((len(found.objects) for found in backends.values()), default=0)
    shown = empty(
        f"1 object of {sizes.object_mib} MiB; {sizes.segments} segments of {SEGMENT_BYTES / 1e6:g} MB",
        ("ours", "bare tool", "ratio", "aim"),
    )
    shown.caption = f"{machine}; pairs: {pairs}"
    for name, found in backends.items():
        for action in actions_of(name):
            speed = _medians(found.objects, action, lambda seconds: sizes.object_bytes / 1e6 / seconds, 0)
            aim = "" if action == "get_cached" else f"≥ {AIM:.2f}"
            shown.add_row(
                f"{name} {_SAID[action]}, MB/s ({tools[name]})",
                *speed,
                number(ratios[f"{name}_{action}_ratio"], 3),
                aim,
            )
        for action in actions_of(name):
            each = _medians(found.segments, action, lambda seconds: seconds * 1000 / sizes.segments, 2)
            ratio = number(ratios[f"{name}_{action}_segments_ratio"], 3)
            shown.add_row(f"{name} {_SAID[action]}, ms a segment", *each, ratio, "")
        shown.add_section()
    return shown


def memory(backends: Mapping[str, Backend], sizes: Sizes) -> Table:
    """The most memory that a process had which stored and read one object, by the object's size."""
    shown = empty("Peak memory of our process, MB", (f"{sizes.object_mib} MiB", f"{SMALL_MIB} MiB", "difference"))
    for name, found in backends.items():
        large, small = found.peak_mb, found.small_peak_mb
        grown = None if large is None or small is None else large - small
        shown.add_row(name, number(large, 1), number(small, 1), number(grown, 1))
    return shown


def _medians(pairs: Sequence[Pair], action: Action, figure: Callable[[float], float], digits: int) -> list[str]:
    """Of our side and of the bare tool: a figure made of the seconds that `action` took."""

    def median(sides: Iterable[Measured]) -> str:
        taken = [side.seconds(action) for side in sides]
        return number(median_of(None if seconds is None else figure(seconds) for seconds in taken), digits)

    return [median(pair.ours for pair in pairs), median(pair.bare for pair in pairs)]
