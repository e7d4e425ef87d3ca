"""What waits, in a thread."""

from __future__ import annotations

import time
from typing import BinaryIO


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def read(file: BinaryIO, size: int) -> bytes:
    """The next bytes of a file."""
    return file.read(size)


def write(file: BinaryIO, data: bytes) -> None:
    file.write(data)
