"""The SHA-256 that a client says its file has, and whether what arrived has it."""

from __future__ import annotations

import base64
import binascii
import re

from gilfoyle.errors import InvalidRequest

_HEX = re.compile(r"[0-9a-fA-F]{64}")
_SHA256_MEMBER = re.compile(r"\s*sha-256\s*=\s*([^;]*)", re.IGNORECASE)


def from_hex(text: str, field: str) -> str:
    """The checksum in small letters. `field` is where the client wrote it. Raises InvalidRequest."""
    text = text.strip()
    if not _HEX.fullmatch(text):
        raise InvalidRequest(f"{field} must have 64 hexadecimal digits.", fields={field: "is malformed"})
    return text.lower()


def from_repr_digest(header: str) -> str | None:
    """The SHA-256 in a Repr-Digest header (RFC 9530, 3), such as `sha-256=:…base64…:`, as hexadecimal.

    None if it names none: other algorithms may be ignored (RFC 9530, 2). Raises InvalidRequest if it is malformed.
    """
    named = [found[1].strip() for member in header.split(",") if (found := _SHA256_MEMBER.match(member))]
    if not named:
        return None
    value = named[-1]  # of a key that is there twice, the last counts (RFC 9651, 4.2.2)
    try:
        digest = base64.b64decode(value.strip(":"), validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 32 or value[:1] != ":" or value[-1:] != ":":
        raise InvalidRequest(
            "Repr-Digest must be sha-256=:…: with the 32 bytes of the checksum in base64 between the colons.",
            fields={"Repr-Digest": "is malformed"},
        )
    return digest.hex()


def require_match(found: str, expected: str | None) -> None:
    """Raises InvalidRequest if something else was expected."""
    if expected not in (None, found):
        raise InvalidRequest(
            f"The file arrived with the SHA-256 {found}, not the one that was sent with it: upload it again.",
            code="checksum_mismatch",
            fields={"sha256": "does not match the file"},
        )
