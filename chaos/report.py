"""How a run went, and whether that is good enough."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from chaos.faults import KILLS

KILLS_PER_MINUTE = 4
REDONE_AT_MOST = 1
_SHOWN = 50
# Figures of what only who has all of an installation can look at.
_INSIDE = {
    *("orphans", "redone_chunks_max", "leftover_processes", "disk_full", "swept", "repaired", "redone"),
    *("unmeasured_kills", "deaths", "storage"),
}


@dataclass
class Tally:
    """Of one kind of upload."""

    accepted: int = 0
    ready: int = 0
    errored: int = 0


@dataclass
class Report:
    """What was done and what is true at the end. Lists hold a sentence each."""

    minutes: float
    seed: int
    storage: str
    inside: bool = True
    """Whether the storage, Temporal and processes were looked at, too; else the API alone was."""
    faults: Counter[str] = field(default_factory=Counter)
    uploads: dict[str, Tally] = field(default_factory=dict)
    disk_full: str = ""
    """Why the disk could not be filled up, if it could not."""
    lost: list[str] = field(default_factory=list)
    """Accepted uploads that are neither Ready and whole nor Errored for a reason of their own."""
    stuck: list[str] = field(default_factory=list)
    """Medias that were not done in time, and workflows that had not ended."""
    unforeseen: list[str] = field(default_factory=list)
    """Workflows that failed for another reason than the file's, and checks that could not be made."""
    orphans: list[str] = field(default_factory=list)
    """Objects that no media owns, after a sweep."""
    retried: int = 0
    """Medias that were stopped by hand, and tried again in the end."""
    swept: int = 0
    """Objects and unfinished writes that were owned by none before the sweep."""
    leftovers: list[str] = field(default_factory=list)
    """Processes that lived on after their workers."""
    redone: list[Counter[str]] = field(default_factory=list)
    """For each kill of a transcode worker, the passes that it was at work on, by task queue: they are begun again."""
    repeated: list[str] = field(default_factory=list)
    """Passes that were encoded again though they had been completed, and nothing of them was lost."""
    repaired: list[str] = field(default_factory=list)
    """Passes that were encoded again since the storage did not have any more what it had taken."""
    deaths: list[str] = field(default_factory=list)
    """Parts that ended by themselves."""
    refusals: dict[str, int] = field(default_factory=dict)
    """What the client was told, or why its connection broke, and how often."""

    @property
    def kills(self) -> int:
        return sum(self.faults[kind] for kind in KILLS)

    @property
    def wanted_kills(self) -> int:
        """60 in 15 minutes."""
        return int(self.minutes * KILLS_PER_MINUTE)

    @property
    def redone_chunks_max(self) -> int:
        """The most chunks that a kill cost one slot of a worker; what was encoded twice for no kill counts as well."""
        return max((count for kill in self.redone for count in kill.values()), default=0) + len(self.repeated)

    @property
    def good(self) -> bool:
        """Whether all that must be true is."""
        wrong = self.lost or self.stuck or self.unforeseen or self.orphans or self.leftovers
        return not wrong and self.kills >= self.wanted_kills and self.redone_chunks_max <= REDONE_AT_MOST

    @property
    def unmeasured(self) -> int:
        """Kills of a transcode worker of which nobody could tell what they cost."""
        return self.faults["transcode worker"] - len(self.redone)

    def total(self, name: str) -> int:
        """Of `accepted`, `ready` or `errored`."""
        return sum(getattr(tally, name) for tally in self.uploads.values())

    @property
    def findings(self) -> list[str]:
        """All that is wrong."""
        groups = {
            "lost": self.lost,
            "stuck": self.stuck,
            "unforeseen": self.unforeseen,
            "orphan": self.orphans,
            "left behind": self.leftovers,
            "encoded again": self.repeated,
        }
        found = [f"{name}: {each}" for name, each_of in groups.items() for each in each_of[:_SHOWN]]
        if self.redone_chunks_max > REDONE_AT_MOST:
            found.append(f"a kill of a worker cost {self.redone_chunks_max} chunks")
        if self.kills < self.wanted_kills:
            found.append(f"too few kills: {self.kills} of {self.wanted_kills}")
        return found

    def figures(self) -> dict[str, Any]:
        """For `--json`."""
        found = {
            "kills": self.kills,
            "accepted": self.total("accepted"),
            "ready": self.total("ready"),
            "errored": self.total("errored"),
            "lost": len(self.lost),
            "stuck": len(self.stuck),
            "orphans": len(self.orphans),
            "redone_chunks_max": self.redone_chunks_max,
            "leftover_processes": len(self.leftovers),
            "unforeseen": len(self.unforeseen),
            "disk_full": self.disk_full or self.faults["disk full"],
            "good": self.good,
            "seed": self.seed,
            "minutes": self.minutes,
            "storage": self.storage,
            "faults": dict(self.faults),
            "uploads": {name: vars(tally) for name, tally in self.uploads.items()},
            "swept": self.swept,
            "retried": self.retried,
            "repaired": self.repaired,
            "redone": self.redone,
            "unmeasured_kills": self.unmeasured,
            "deaths": self.deaths,
            "refusals": self.refusals,
            "findings": self.findings,
        }
        return found if self.inside else {name: value for name, value in found.items() if name not in _INSIDE}
