"""What ties a child to `gilfoyle up`: a line that breaks when `up` is gone, and a way to say "I am ready".

Both are inherited pipes. `up` holds the write end of the lifeline and never writes: however `up` ends, by
`kill -9` too, the kernel closes it and its children read an end of file. A process that nobody supervises has
neither variable, and both functions then do nothing.
"""

from __future__ import annotations

import os
import signal
import threading

# Not GILFOYLE_…: those are settings, and an unknown setting is an error.
LIFELINE_FD = "LIFELINE_FD"
READY_FD = "READY_FD"


def watch() -> None:
    """Send this process SIGTERM, as `up` itself would, when the supervisor is gone. Returns at once."""
    descriptor = _inherited(LIFELINE_FD)
    if descriptor is not None:
        threading.Thread(target=_wait_for_end, args=(descriptor,), name="lifeline", daemon=True).start()


def ready() -> None:
    """Tell the supervisor that this process does its work now."""
    descriptor = _inherited(READY_FD)
    if descriptor is None:
        return
    try:
        os.write(descriptor, b"1")
    except OSError:
        pass  # The supervisor no longer asks.
    finally:
        os.close(descriptor)


def _inherited(variable: str) -> int | None:
    """The descriptor that `variable` names; taken out of the environment: it is not for grandchildren."""
    text = os.environ.pop(variable, "")
    if not text.isdecimal():
        return None
    descriptor = int(text)
    try:
        os.set_inheritable(descriptor, False)
    except OSError:
        return None
    return descriptor


def _wait_for_end(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
