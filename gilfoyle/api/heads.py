"""What a request's head (RFC 9112, 3 and 5) must be to reach the application. Pure."""

from __future__ import annotations

import re

import h11

HEAD_BYTES = 64 << 10
MOST_HEADERS = 100
# A path need not follow: `http://host?query` (RFC 3986, 4.3). With a user, it would be a trick (RFC 9110, 4.2.4).
_ABSOLUTE = re.compile(rb"https?://([^/?#@]+)(/[^?#]*)?(\?[^#]*)?", re.IGNORECASE)


class HeadReader(h11.Connection):
    """h11's connection, which refuses what it lets pass, and keeps why it refused."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER, HEAD_BYTES)
        self.refused: h11.RemoteProtocolError | None = None

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """Raises RemoteProtocolError, with the status to answer in `error_status_hint`."""
        try:
            event = super().next_event()
            return checked(event) if isinstance(event, h11.Request) else event
        except h11.RemoteProtocolError as error:
            self.refused = error
            raise


def checked(request: h11.Request) -> h11.Request:
    """The request with a path for its target. Raises RemoteProtocolError for what must not go on."""
    _check_size(request)
    names = {name for name, _value in request.headers}
    # Whoever is before us may have understood the other one, and take what follows for another request (6.1, 6.3).
    if b"transfer-encoding" in names and b"content-length" in names:
        raise _refusal("The request has both Transfer-Encoding and Content-Length: send one of them.")
    if b"transfer-encoding" in names and request.http_version < b"1.1":
        raise _refusal("Transfer-Encoding needs HTTP/1.1.")
    if request.target.startswith(b"/") or request.target == b"*" or request.method == b"CONNECT":
        return request
    return _with_path(request)


def _check_size(request: h11.Request) -> None:
    """h11 bounds only a head that is not whole yet."""
    size = len(request.target) + sum(len(name) + len(value) + 4 for name, value in request.headers)
    if size > HEAD_BYTES or len(request.headers) > MOST_HEADERS:
        raise _refusal(f"A request may have {MOST_HEADERS} headers, and {HEAD_BYTES} bytes of them.", 431)


def _with_path(request: h11.Request) -> h11.Request:
    """Of a target in absolute form: its host stands in for the Host header (3.2.2)."""
    absolute = _ABSOLUTE.fullmatch(request.target)
    if absolute is None:
        raise _refusal("The request's target is neither a path nor an http URL.")
    headers = [(name, value) for name, value in request.headers if name != b"host"]
    return h11.Request(
        method=request.method,
        target=(absolute[2] or b"/") + (absolute[3] or b""),
        headers=[(b"host", absolute[1]), *headers],
        http_version=request.http_version,
    )


def _refusal(sentence: str, status: int = 400) -> h11.RemoteProtocolError:
    return h11.RemoteProtocolError(sentence, status)
