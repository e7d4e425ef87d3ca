"""What the figures were measured on: without it they say nothing."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from typing import Self

import boto3

from bench.servers import kubo, seaweed


@dataclass(frozen=True)
class Machine:
    """The machine, and the versions of the servers; empty where there is none."""

    cores: int
    system: str
    load: float
    """How many processes wanted a core, over the last minute: of others, if it is asked for before the measurement."""
    boto3: str
    seaweedfs: str
    kubo: str

    @classmethod
    def here(cls) -> Self:
        """This machine."""
        weed, ipfs = seaweed.binary(), kubo.binary()
        return cls(
            cores=os.cpu_count() or 1,
            system=f"{platform.system()} {platform.machine()}",
            load=round(os.getloadavg()[0], 1),
            boto3=boto3.__version__,
            # `version 8000GB 4.48 …`, of which the first is how large a volume may be.
            seaweedfs=_word(weed, 2),
            # `ipfs version 0.43.1`
            kubo=_word(ipfs, 2),
        )

    def __str__(self) -> str:
        servers = [("boto3", self.boto3), ("SeaweedFS", self.seaweedfs), ("Kubo", self.kubo)]
        return ", ".join(
            [
                f"{self.cores} cores, load {self.load} before",
                self.system,
                *(f"{name} {is_}" for name, is_ in servers if is_),
            ]
        )


def _word(program: str | None, index: int) -> str:
    """A word of what the program says of its version."""
    if program is None:
        return ""
    words = subprocess.run([program, "version"], capture_output=True, text=True, check=False).stdout.split()
    return words[index] if len(words) > index else "unknown"
