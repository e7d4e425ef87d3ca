"""The SHA-256 that a client declares, and the check that what arrived has it."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from gilfoyle.errors import InvalidRequest

_REPR_DIGEST = "Repr-Digest"
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_SHA256_MEMBER = re.compile(r"\s*sha-256\s*=\s*([^;]*)", re.IGNORECASE)


@dataclass(frozen=True)
class Checksum:
    """The SHA-256 that a client declares."""

    sha256: str
    """In lower-case hexadecimal."""
    field: str
    """Where the client declared it: a form's field, or a header."""


def from_hex(text: str, field: str) -> Checksum:
    """`field` is where the client wrote it. Raises InvalidRequest."""
    text = text.strip()
    if not _HEX.fullmatch(text):
        raise InvalidRequest(f"{field} must have 64 hexadecimal digits.", fields={field: "is malformed"})
    return Checksum(text.lower(), field)


def from_repr_digest(header: str) -> Checksum | None:
    """The SHA-256 in a Repr-Digest header (RFC 9530, 3), such as `sha-256=:…base64…:`.

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
            fields={_REPR_DIGEST: "is malformed"},
        )
    return Checksum(digest.hex(), _REPR_DIGEST)


def require_match(found: str, said: Checksum | None) -> None:
    """Raise InvalidRequest if the client declared another one."""
    if said is not None and said.sha256 != found:
        raise InvalidRequest(
            f"The file arrived with the SHA-256 {found}, not the one that was sent with it: upload it again.",
            code="checksum_mismatch",
            fields={said.field: "does not match the file"},
        )
