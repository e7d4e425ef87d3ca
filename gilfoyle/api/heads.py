"""What a request's head (RFC 9112, 3 and 5) must be to reach the application. Pure.

httptools (llhttp) has read it, and refuses what is no HTTP: a bare line feed, a space before a colon, a folded header,
two lengths. What follows is left to its user.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

HEAD_BYTES = 64 << 10
MOST_HEADERS = 100
# A path need not follow: `http://host?query` (RFC 3986, 4.3). With a user, it would be a trick (RFC 9110, 4.2.4).
_ABSOLUTE = re.compile(rb"https?://([^/?#@]+)(/[^?#]*)?(\?[^#]*)?", re.IGNORECASE)
# What llhttp says of a request with both, or two, lengths.
_LENGTHS = ("Transfer-Encoding", "Content-Length")


class Refused(Exception):
    """Why a head must not go on: the status to answer, and a sentence for the client."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass
class Head:
    """A request's head as it comes in. The names of the headers are in small letters."""

    target: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    _size: int = 0

    def add_target(self, piece: bytes) -> None:
        """Raises Refused if it is too long."""
        self.target += piece
        self._count(len(piece))

    def add_header(self, name: bytes, value: bytes) -> None:
        """Raises Refused for one too many, and for a coding of the body that we do not know."""
        name = name.lower()
        if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise Refused("The only Transfer-Encoding that is understood here is chunked.", 501)
        self.headers.append((name, value))
        self._count(len(name) + len(value) + 4)

    def check(self, method: bytes, version: str) -> None:
        """Leave a path for the target of a whole head. `version`: of HTTP. Raises Refused for what must not go on."""
        if version not in ("1.1", "1.0"):
            raise Refused("The server understands HTTP/1.1 and HTTP/1.0.", 505)
        if version == "1.0" and self._values(b"transfer-encoding"):
            raise Refused("Transfer-Encoding needs HTTP/1.1.")
        hosts = self._values(b"host")
        if len(hosts) > 1 or (not hosts and version == "1.1"):
            raise Refused("The request must have one Host header.")
        if not (self.target.startswith(b"/") or self.target == b"*" or method == b"CONNECT"):
            self._take_path()

    def _take_path(self) -> None:
        """Of a target in absolute form: its host stands in for the Host header (3.2.2)."""
        absolute = _ABSOLUTE.fullmatch(self.target)
        if absolute is None:
            raise Refused("The request's target is neither a path nor an http URL.")
        self.target = (absolute[2] or b"/") + (absolute[3] or b"")
        self.headers = [(b"host", absolute[1]), *(each for each in self.headers if each[0] != b"host")]

    def _values(self, wanted: bytes) -> Sequence[bytes]:
        return [value for name, value in self.headers if name == wanted]

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > HEAD_BYTES or len(self.headers) > MOST_HEADERS:
            raise too_large()


def too_large() -> Refused:
    return Refused(f"A request may have {MOST_HEADERS} headers, and {HEAD_BYTES} bytes of them.", 431)


def not_http(reason: str) -> Refused:
    """What to say when llhttp refuses; `reason` is its own."""
    # Whoever is before us may have understood the other one, and take what follows for another request (6.1, 6.3).
    if all(name in reason for name in _LENGTHS):
        return Refused("The request has both Transfer-Encoding and Content-Length: send one of them.")
    if "Transfer-Encoding" in reason:
        return Refused("The only Transfer-Encoding that is understood here is chunked.", 501)
    if "Content-Length" in reason:
        return Refused("The request's Content-Length must be one number, given once.")
    return Refused("What was received is not an HTTP/1.1 request.")
