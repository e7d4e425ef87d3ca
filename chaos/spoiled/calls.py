"""What ffmpeg and ffprobe ask of the system while a server works: every file they open, and every socket.

By strace, which sees all of it, where looking at what is open sees what lasts. What the sandbox refuses is not among
it: only what was done counts.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gilfoyle.errors import StartupError

_CALLS = "execve,open,openat,openat2,creat,socket,clone,clone3,fork,vfork"
_LINE = re.compile(r"(\d+) +(.*)")
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+)(?:<(.*)>)?")
_BROKEN_OFF = re.compile(r"(\w+)\((.*?)(?:,)? <unfinished \.\.\.>")
_GOES_ON = re.compile(r"<\.\.\. (\w+) resumed>(.*)")
_PROGRAM = re.compile(r'"([^"]+)"')


def traced(into: Path) -> list[str]:
    """What stands before a command so that strace writes down the calls of all its processes. Raises StartupError."""
    strace = shutil.which("strace")
    if strace is None:
        raise StartupError("There is no strace: install it, or leave out --calls.")
    # A process of its own beside the command, whose id stays that of the command.
    return [strace, "-D", "-f", "--seccomp-bpf", "-q", "-y", "-s", "300", "-e", f"trace={_CALLS}", "-o", str(into)]


@dataclass
class Calls:
    """What was seen. `tools`: programs that ran; `opens`: files that they opened; `faults`: what they may not do."""

    tools: int = 0
    opens: int = 0
    faults: set[str] = field(default_factory=set)


def read(lines: Iterable[str], names: tuple[str, ...], allowed: Sequence[str]) -> Calls:
    """What programs whose names begin so did, by the lines of strace. `allowed`: beginnings of paths they may open."""
    calls, running, begun = Calls(), dict[str, str](), dict[str, str]()
    for line in lines:
        found = _LINE.match(line)
        if found is None:
            continue
        thread, said = found.groups()
        if said.startswith("+++"):
            running.pop(thread, None)
        elif broken := _BROKEN_OFF.match(said):
            begun[thread] = f"{broken[1]}({broken[2]}"
        else:
            if (rest := _GOES_ON.match(said)) and thread in begun:
                said = begun.pop(thread) + rest[2]
            if call := _CALL.match(said):
                _note(calls, running, thread, call, names, allowed)
    return calls


def _note(
    calls: Calls,
    running: dict[str, str],
    thread: str,
    call: re.Match[str],
    names: tuple[str, ...],
    allowed: Sequence[str],
) -> None:
    name, arguments, answer, place = call.groups()
    if int(answer) < 0:
        return
    if name == "execve":
        program = _PROGRAM.search(arguments)
        running.pop(thread, None)
        if program and Path(program[1]).name.startswith(names):
            running[thread] = Path(program[1]).name
            calls.tools += 1
    elif tool := running.get(thread):
        if name in ("clone", "clone3", "fork", "vfork"):
            running[answer] = tool
        elif name == "socket":
            calls.faults.add(f"{tool} opened a socket: {arguments}")
        else:
            calls.opens += 1
            if not (place or "").startswith(tuple(allowed)):
                calls.faults.add(f"{tool} opened {place}")
