"""TCP ports: taken early and held, so that a clash is known before anything starts."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress

import psutil

from gilfoyle.errors import StartupError


def reserve(host: str, port: int, purpose: str, option: str) -> socket.socket:
    """Bind `port` of `host` (0: any free one) and hold it until the socket is closed; it does not listen.

    The server that is to listen there is started right after the close. Raises StartupError with a sentence
    that names the `purpose`, who has the port where that is known, and the `option` that chooses another.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise StartupError(f"The host {host!r} for {purpose} is unknown: {error.strerror}.") from error
    held = socket.socket(family, kind, protocol)
    # As servers do: connections of an earlier run that linger in TIME_WAIT don't make the port taken.
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind(address)
    except OSError as error:
        held.close()
        raise StartupError(_sentence(error, host, port, purpose, option)) from error
    return held


def reserve_or_any(host: str, port: int, purpose: str) -> socket.socket:
    """As `reserve`, with any free port where `port` is taken."""
    try:
        return reserve(host, port, purpose, "")
    except StartupError:
        return reserve(host, 0, purpose, "")


def number(held: socket.socket) -> int:
    """The port that a reservation holds."""
    return int(held.getsockname()[1])


def _sentence(error: OSError, host: str, port: int, purpose: str, option: str) -> str:
    other = f"Choose another with {option}, or 0 for any free one."
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} for {purpose} is taken{_by_whom(port)}. {other}"
    if error.errno == errno.EACCES:
        return f"Port {port} for {purpose} is reserved for the administrator. {other}"
    return f"Port {port} of {host} for {purpose} can't be used: {os.strerror(error.errno or 0)}. {other}"


def _by_whom(port: int) -> str:
    # Only the administrator sees everyone's sockets (on macOS anyone's): then the sentence does without.
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status != psutil.CONN_LISTEN or not connection.laddr:
                continue
            if connection.laddr.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""
