"""The offsets as a table: a row for each rate, a column for each container and length."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from bench.audio.results import AIM_MS, Heard
from bench.machine import Machine


def table(found: Sequence[Heard], machine: Machine) -> Table:
    """For people. Where both lengths were measured, the shorter stands first."""
    lengths = sorted({each.seconds for each in found})
    shown = Table(
        title="Audio: worst offset of a beep, in ms",
        caption=f"{' / '.join(f'{each} s' for each in lengths)}; –: no codec that the container holds. Aim: within "
        f"{AIM_MS:g} ms.\n{machine}",
    )
    shown.add_column("Hz", justify="right")
    containers = list(dict.fromkeys(each.container for each in found))
    for container in containers:
        shown.add_column(container, justify="right")
    for rate in sorted({each.rate for each in found}):
        row = [" / ".join(_cell(_of(found, container, rate, length)) for length in lengths) for container in containers]
        shown.add_row(str(rate), *row)
    return shown


def _of(found: Sequence[Heard], container: str, rate: int, seconds: int) -> Heard | None:
    wanted = (container, rate, seconds)
    return next((each for each in found if (each.container, each.rate, each.seconds) == wanted), None)


def _cell(heard: Heard | None) -> str:
    if heard is None:
        return "–"
    text = "?" if heard.fault or heard.worst_ms is None else f"{heard.worst_ms:.1f}"
    return text if heard.good else f"[bold red]{text}[/]"
