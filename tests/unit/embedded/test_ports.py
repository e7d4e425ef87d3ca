"""Ports are taken early, and a clash is one sentence."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator

import pytest

from gilfoyle.embedded import ports
from gilfoyle.errors import StartupError

HOST = "127.0.0.1"


def test_zero_takes_any_free_port() -> None:
    with ports.reserve(HOST, 0, "the API", "--api-port") as one, ports.reserve(HOST, 0, "x", "-x") as other:
        assert 0 < one.port != other.port > 0


def test_a_server_can_listen_as_soon_as_the_reservation_is_closed() -> None:
    with ports.reserve(HOST, 0, "the API", "--api-port") as held:
        held.hand_over()
        with socket.create_server((HOST, held.port)):
            pass


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only a bound socket holds it")
def test_no_other_up_gets_a_port_while_its_server_starts() -> None:
    with ports.reserve(HOST, 0, "the API", "--api-port") as held:
        for _ in range(2):
            with ports.reserve_or_any(HOST, held.port, "Temporal") as other:
                assert other.port != held.port
            with pytest.raises(StartupError, match=f"Port {held.port} for the API is taken"):
                ports.reserve(HOST, held.port, "the API", "--api-port")
            held.hand_over()
    with ports.reserve(HOST, held.port, "the API", "--api-port") as free:
        assert free.port == held.port


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_names_the_purpose_and_the_way_out(taken: int) -> None:
    with pytest.raises(StartupError) as raised:
        ports.reserve(HOST, taken, "the API", "--api-port")
    assert raised.value.message.startswith(f"Port {taken} for the API is taken")
    assert raised.value.message.endswith("Choose another with --api-port, or 0 for any free one.")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who has a port")
def test_a_taken_port_names_who_has_it(taken: int) -> None:
    with pytest.raises(StartupError, match=f"process {os.getpid()}"):
        ports.reserve(HOST, taken, "the API", "--api-port")


def test_a_port_held_by_another_reservation_that_listens_is_replaced(taken: int) -> None:
    with ports.reserve_or_any(HOST, taken, "Temporal") as held:
        assert held.port not in (0, taken)


def test_a_host_of_another_machine_is_a_sentence() -> None:
    with pytest.raises(StartupError, match=r"of 192\.0\.2\.1 for the API can't be used"):
        ports.reserve("192.0.2.1", 0, "the API", "--api-port")
