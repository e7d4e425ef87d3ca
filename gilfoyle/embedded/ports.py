"""TCP ports: taken early and held, so that a clash is known before anything starts."""

from __future__ import annotations

import errno
import os
import socket
import sys
from contextlib import suppress
from typing import Self

import psutil

from gilfoyle.errors import StartupError


class Reservation:
    """A port that is held until the end of the block: nobody takes it before the server that is to listen there."""

    def __init__(self, bound: socket.socket, claim: socket.socket | None) -> None:
        self._bound, self._claim = bound, claim
        self.port: int = bound.getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hand_over()
        if self._claim:
            self._claim.close()

    def hand_over(self) -> None:
        """Let a server listen there, right now. Another `up` leaves the port alone until the end of the block."""
        self._bound.close()


def reserve(host: str, port: int, purpose: str, option: str) -> Reservation:
    """Hold `port` of `host` (0: any free one); nobody listens there yet.

    Raises StartupError with a sentence that names the `purpose`, who has the port where that is known, and the
    `option` that chooses another.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise StartupError(f"The host {host!r} for {purpose} is unknown: {error.strerror}.") from error
    while True:
        bound = socket.socket(family, kind, protocol)
        # As servers do: connections of an earlier run that linger in TIME_WAIT don't make the port taken.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind(address)
            return Reservation(bound, _claim(bound))
        except OSError as error:
            bound.close()
            if port or error.errno != errno.EADDRINUSE:
                raise StartupError(_sentence(error, host, port, purpose, option)) from error


def reserve_or_any(host: str, port: int, purpose: str) -> Reservation:
    """As `reserve`, with any free port where `port` is taken."""
    try:
        return reserve(host, port, purpose, "")
    except StartupError:
        return reserve(host, 0, purpose, "")


def _claim(bound: socket.socket) -> socket.socket | None:
    """Keep a port from other `up`s, also while nobody listens there: Linux then lets any number of sockets have it.

    By a name among the abstract sockets (unix(7)), which are of the same network namespace and end with the process.
    Raises OSError (EADDRINUSE) where another has it.
    """
    if sys.platform != "linux":
        return None
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind("\0gilfoyle {}:{}".format(*bound.getsockname()))
    except OSError:
        claim.close()
        raise
    return claim


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
