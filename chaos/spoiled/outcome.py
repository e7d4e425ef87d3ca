"""What became of one spoiled file, and of all of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gilfoyle.media.agreement.report import Agreement, Verdict

# What only a program's log says.
_LOG = re.compile(r"0x[0-9a-f]{4}|\[[a-z0-9_]+ @|\bErrno\b|Traceback|/tmp/|/data/|\n")
# A stream of a spoiled file that can't be compared is no finding: then nobody can say what is right.
AGREES, DIFFERS, ERRORED, STUCK, REFUSED = "agrees", "differs", "errored", "stuck", "refused"


@dataclass
class Outcome:
    """`number` of the run: with its seed, the file can be made again. `what`: one of the words above."""

    number: int
    original: str
    container: str
    ways: str
    what: str = STUCK
    code: str = ""
    message: str = ""
    differences: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def finding(self) -> str:
        """What is wrong, as a sentence; empty if all is as it must be."""
        if self.what == STUCK:
            return f"it was neither Ready nor Errored after {self.seconds:.0f} s"
        if self.what == DIFFERS:
            return f"it is Ready and does not agree: {' '.join(self.differences)}"
        if self.what == REFUSED:
            return f"its upload was answered with {self.code}: {self.message}"
        return bad_sentence(self.message) if self.what == ERRORED else ""


def bad_sentence(message: str) -> str:
    """What keeps a message from being a sentence for a person; empty if nothing does."""
    if (
        not message
        or not (message[0].isupper() or message.startswith("ffmpeg"))
        or not message.rstrip().endswith((".", "?", "!"))
    ):
        return f"its message is no sentence: {message!r}"
    if _LOG.search(message):
        return f"its message holds lines of a log: {message!r}"
    return ""


def differences(agreement: Agreement) -> list[str]:
    """What the judge found to differ, a sentence each."""
    return [
        f"{each.check} of {each.of}: {each.detail}"
        for each in agreement.findings
        if each.verdict == Verdict.DIFFERS
    ]  # fmt: skip


@dataclass
class Report:
    """A whole run. `faults`: what is wrong beside the files, as sentences."""

    seed: int
    outcomes: list[Outcome]
    faults: list[str]
    seconds: float

    @property
    def findings(self) -> list[str]:
        """Everything that is wrong."""
        told = [
            f"{each.number} ({each.original}; {each.ways}): {each.finding}" for each in self.outcomes if each.finding
        ]
        return [*self.faults, *told]

    @property
    def good(self) -> bool:
        return not self.findings

    def rows(self) -> list[tuple[str, Counter[str]]]:
        """For each container how often each thing came out."""
        found: dict[str, Counter[str]] = {}
        for each in self.outcomes:
            found.setdefault(each.container, Counter())[each.what] += 1
        return sorted(found.items())

    def codes(self) -> list[tuple[str, int]]:
        """The codes of what is Errored, the most frequent first."""
        return Counter(each.code for each in self.outcomes if each.what == ERRORED).most_common()

    def figures(self) -> dict[str, Any]:
        """As JSON."""
        total: Counter[str] = Counter(each.what for each in self.outcomes)
        return {
            "seed": self.seed,
            "files": len(self.outcomes),
            "seconds": round(self.seconds, 1),
            **{what: total[what] for what in (AGREES, DIFFERS, ERRORED, STUCK, REFUSED)},
            "codes": dict(self.codes()),
            "findings": self.findings,
        }


def counted(outcomes: Sequence[Outcome], what: str) -> int:
    """How many came out so."""
    return sum(each.what == what for each in outcomes)
