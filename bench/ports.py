"""Ports for servers that are told theirs."""

from __future__ import annotations

import socket


def free_port() -> int:
    """One of the loopback that nobody had a moment ago."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port
