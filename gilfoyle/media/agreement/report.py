"""What the judge found, as a table has it: a line for each thing that was compared."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue, computed_field

_FINDING: dict[str, JsonValue] = {
    "check": "frames",
    "of": "720p",
    "verdict": "differs",
    "source": "14912",
    "stream": "14909",
    "detail": "3 frames are missing (number 4012, number 4013, number 4014).",
}
EXAMPLE: dict[str, JsonValue] = {
    "media_id": "0b1f2a52-6c4e-4b53-9a0e-3f0a5f6c7d11",
    "encoding": 1,
    "findings": [_FINDING],
    "agrees": False,
}
"""As the API's description shows it."""


class Verdict(StrEnum):
    """`NOT_COMPARED` is no agreement: the judge can't tell, and says why."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NOT_COMPARED = "not_compared"


class Finding(BaseModel):
    """One thing that was compared, of one rendition or of the stream."""

    model_config = ConfigDict(json_schema_extra={"examples": [_FINDING]})

    check: str
    """What was compared: `frames`, `audio`, `playlist` …"""
    of: str
    """A rendition's name; `stream` for what concerns all of it."""
    verdict: Verdict
    source: str = ""
    """What is right: by the source, or by what lies in the storage."""
    stream: str = ""
    """What the stream has."""
    detail: str = ""
    """A sentence: what differs and where, or why it could not be compared."""


class Agreement(BaseModel):
    """What came of comparing a media's stream with its source."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    media_id: UUID
    encoding: int
    findings: list[Finding] = []

    @computed_field  # type: ignore[prop-decorator]
    @property
    def agrees(self) -> bool:
        """Nothing differs, and something was compared."""
        verdicts = [finding.verdict for finding in self.findings]
        return Verdict.DIFFERS not in verdicts and Verdict.AGREES in verdicts

    def of(self, check: str) -> list[Finding]:
        """The findings of one check."""
        return [finding for finding in self.findings if finding.check == check]


def agreed(check: str, of: str, source: str = "", stream: str = "", detail: str = "") -> Finding:
    """A finding of things that agree."""
    return Finding(check=check, of=of, verdict=Verdict.AGREES, source=source, stream=stream, detail=detail)


def differing(check: str, of: str, detail: str, source: str = "", stream: str = "") -> Finding:
    """A finding of things that do not agree."""
    return Finding(check=check, of=of, verdict=Verdict.DIFFERS, source=source, stream=stream, detail=detail)


def not_compared(check: str, of: str, detail: str, source: str = "", stream: str = "") -> Finding:
    """A finding of what the judge can't judge."""
    return Finding(check=check, of=of, verdict=Verdict.NOT_COMPARED, source=source, stream=stream, detail=detail)
