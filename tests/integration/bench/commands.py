"""The benchmark's commands, run as a person runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


def bench(*arguments: str) -> dict[str, Any]:
    """`python -m bench … --json`: the object on the last line of its stdout."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", *arguments, "--json"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def refusal(*arguments: str) -> str:
    """What a command that ends with status 1 says on stderr, all of it."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    return done.stderr
