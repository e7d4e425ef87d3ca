"""Makes the client for threads of the one for asyncio: `make client`.

The two are the same but for these words, so neither can lack what the other has.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).parents[3] / "gilfoyle" / "client"
BY_HAND = {"waiting.py", "__init__.py"}
_WORDS = (
    (r"gilfoyle\.client\.asynchronous", "gilfoyle.client.synchronous"),
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAsyncIterator\b", "Iterator"),
    (r"\bAsyncBaseTransport\b", "BaseTransport"),
    (r"\bAsyncClient\b", "Client"),
    (r"\basynccontextmanager\b", "contextmanager"),
    (r"\bAsync([A-Z])", r"\1"),
    (r"\b(a)(close|read|iter_bytes)\(", r"\2("),
    (r"__a(enter|exit)__", r"__\1__"),
    (r"\benter_async_context\b", "enter_context"),
)


def made(source: str) -> str:
    """The text of a module for threads."""
    for pattern, text in _WORDS:
        source = re.sub(pattern, text, source)
    return source


def make(folder: Path) -> None:
    """Write the modules for threads into a folder."""
    for module in sorted((CLIENT / "asynchronous").glob("*.py")):
        if module.name not in BY_HAND:
            (folder / module.name).write_text(made(module.read_text()))
    # Imports have another order by their other names, and lines are shorter.
    for step in (["check", "--fix", "--quiet"], ["format", "--quiet"]):
        configuration = str(CLIENT.parents[1] / "pyproject.toml")
        subprocess.run([sys.executable, "-m", "ruff", *step, "--config", configuration, str(folder)], check=True)


if __name__ == "__main__":
    make(CLIENT / "synchronous")
