"""A signal that comes while a process is started waits until it is known."""

from __future__ import annotations

import signal
import threading

import pytest

from bench.servers.signals import undisturbed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_comes_at_the_end_of_the_block(number: signal.Signals) -> None:
    came: list[str] = []

    def handler(*_: object) -> None:
        came.append("signal")
        raise InterruptedError

    before = signal.signal(number, handler)
    try:
        with pytest.raises(InterruptedError), undisturbed():
            signal.raise_signal(number)
            came.append("started")
        assert came == ["started", "signal"]
        assert signal.getsignal(number) is handler
    finally:
        signal.signal(number, before)


def test_other_threads_are_never_disturbed() -> None:
    entered: list[bool] = []

    def work() -> None:
        with undisturbed():
            entered.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert entered == [True]
