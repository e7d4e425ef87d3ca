"""What the tests of `gilfoyle.storage.check` ask of its reports."""

from __future__ import annotations

from pathlib import Path

from gilfoyle.config import FilesystemSettings, StorageSettings
from gilfoyle.storage.check import CheckReport, Outcome


def files_in(folder: Path) -> StorageSettings:
    return StorageSettings(filesystem=FilesystemSettings(path=folder))


def outcomes(report: CheckReport) -> dict[str, Outcome]:
    return {result.step: result.outcome for result in report.results}


def note(report: CheckReport, step: str) -> str:
    return next(result.note for result in report.results if result.step == step)


def fault(report: CheckReport, step: str) -> str:
    """What is said of the step that failed."""
    assert not report.ok
    assert outcomes(report)[step] is Outcome.FAILED, report
    return note(report, step)


def failed(report: CheckReport) -> list[str]:
    return [result.step for result in report.results if result.outcome is Outcome.FAILED]


def left(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.name != ".tmp"]
