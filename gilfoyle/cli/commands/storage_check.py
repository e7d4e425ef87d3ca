"""`gilfoyle storage check`: try the storage from this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gilfoyle.cli.options import ConfigOption

if TYPE_CHECKING:
    from gilfoyle.config import Settings
    from gilfoyle.storage import Storage
    from gilfoyle.storage.check import CheckReport, Prober

PROBE_S = 30.0
PROBE_MB = 2048


def command(
    driver: Annotated[
        str | None,
        typer.Option("--driver", metavar="NAME", help="The backend to try.", show_default="storage.driver"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Try the storage from this machine: write, read, list, serve and delete real objects.

    They lie in a folder of their own and are removed whatever happens. Status 1: it can't be used.
    """
    import asyncio

    from gilfoyle.cli import text
    from gilfoyle.config import load
    from gilfoyle.storage.check import check

    settings = load(config)
    origins = [origin for origin in settings.server.cors_origins if origin != "*"][:3] or ["https://example.com"]
    report = asyncio.run(
        check(settings.storage, driver or "", probe=prober(settings), origins=[*origins, "null"]),
    )
    if json:
        typer.echo(text.as_json(_as_json(report)))
    else:
        for line in _lines(report):
            typer.echo(line)
    raise typer.Exit(0 if report.ok else 1)


def _as_json(report: CheckReport) -> object:
    steps = [
        {"step": each.step, "result": str(each.outcome), "milliseconds": each.milliseconds, "note": each.note}
        for each in report.results
    ]
    return {"driver": report.driver, "ok": report.ok, "steps": steps}


def _lines(report: CheckReport) -> list[str]:
    """The table; below it what failed or deserves a look, in full."""
    from gilfoyle.cli.text import clean, columns

    loud = [each for each in report.results if each.outcome in ("failed", "warning")]
    rows = [("STEP", "RESULT", "MS", "")]
    for each in report.results:
        took = "-" if each.outcome == "skipped" else f"{each.milliseconds:.0f}"
        rows.append((each.step, str(each.outcome), took, "" if each in loud else clean(each.note)))
    lines = list(columns(rows))
    for each in loud:
        lines += ["", f"{each.step} {each.outcome}: {clean(each.note)}"]
    end = (
        f"The storage {report.driver} works from here." if report.ok else f"The storage {report.driver} can't be used."
    )
    return [*lines, "", end]


def prober(settings: Settings) -> Prober:
    from gilfoyle.errors import StartupError
    from gilfoyle.ffmpeg.process import ProcessFailed, capture
    from gilfoyle.ffmpeg.source import opened
    from gilfoyle.ffmpeg.tools import ffprobe_path
    from gilfoyle.media.ffprobe import probe_command
    from gilfoyle.storage.check.results import CheckFailed, Skip

    async def probe(storage: Storage, key: str) -> None:
        try:
            ffprobe = ffprobe_path(settings.tools)
        except StartupError as error:
            raise Skip(error.message) from error
        try:
            async with opened(storage, key) as source:
                command = probe_command(ffprobe, source.place)
                await capture(command, timeout_s=PROBE_S, memory_mb=PROBE_MB, source=source)
        except ProcessFailed as error:
            said = " ".join(error.tail.split()).replace("the source: ", "")
            raise CheckFailed(f"ffprobe can't read the source: {said}") from error
        except TimeoutError as error:
            raise CheckFailed(
                f"ffprobe did not read the source within {PROBE_S:.0f} s: is the storage this slow?"
            ) from error

    return probe
