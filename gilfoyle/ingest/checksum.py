"""The SHA-256 that a client says its file has, and whether what arrived has it."""

from __future__ import annotations

import re

from gilfoyle.errors import InvalidRequest

_HEX = re.compile(r"[0-9a-fA-F]{64}")


def from_hex(text: str, field: str) -> str:
    """The checksum in small letters. `field` is where the client wrote it. Raises InvalidRequest."""
    text = text.strip()
    if not _HEX.fullmatch(text):
        raise InvalidRequest(f"{field} must have 64 hexadecimal digits.", fields={field: "is malformed"})
    return text.lower()


def require_match(found: str, expected: str | None) -> None:
    """Raises InvalidRequest if something else was expected."""
    if expected not in (None, found):
        raise InvalidRequest(
            f"The file arrived with the SHA-256 {found}, not the one that was sent with it: upload it again.",
            code="checksum_mismatch",
            fields={"sha256": "does not match the file"},
        )
