"""What a check finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a step ended."""

    OK = "ok"
    WARNING = "warning"
    """It works without this, but somebody should read the note."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """A step that it needs has failed, or this machine lacks what it takes."""


@dataclass(frozen=True)
class Result:
    """One step. `milliseconds` it took; `note` says what was found, and of a failure what to do about it."""

    step: str
    outcome: Outcome
    milliseconds: float
    note: str = ""


@dataclass(frozen=True)
class CheckReport:
    """All steps of a check, in the order in which they were tried."""

    driver: str
    results: Sequence[Result]

    @property
    def ok(self) -> bool:
        """Whether the backend can be used: nothing has failed."""
        return all(result.outcome is not Outcome.FAILED for result in self.results)


class CheckFailed(Exception):
    """A step has found something wrong: a sentence that says what, and what to do about it."""


class Warn(Exception):
    """As CheckFailed, but the backend can be used all the same."""


class Skip(Exception):
    """The step can't be tried here, for the reason given."""
