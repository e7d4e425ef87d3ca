"""`bench storage`: each backend in turn; our side and the bare tool in pairs, on the same server."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from bench.room import check_room
from bench.storage import job
from bench.storage.data import make_object, make_segments
from bench.storage.machine import Machine
from bench.storage.report import memory, speeds
from bench.storage.results import Backend, Measured, Pair, summary
from bench.storage.side import SMALL_MIB, Job, Sizes, Who, Work
from bench.storage.subjects import Subject, subjects
from gilfoyle.config import StorageSettings

Say = Callable[[str], None]


def storage(sizes: Sizes, *, runs: int, as_json: bool) -> None:
    """Measure and print: a table, and with `as_json` the summary as the last line of stdout.

    Raises GilfoyleError with a sentence if there is no room, a server doesn't start or a job fails.
    """
    console = Console(stderr=True)
    check_room(sizes.disk_bytes, advice="set TMPDIR to another disk, or store less (--size-mb, --segments)")
    machine = Machine.here()
    found = subjects()
    backends, missing = {}, {}
    for subject in found:
        if subject.missing:
            missing[subject.name] = subject.missing
            console.print(f"{subject.name} is left out: there is {subject.missing}.")
        else:
            backends[subject.name] = measure(subject, sizes, runs, console.print)
    tools = {subject.name: subject.bare for subject in found}
    Console().print(speeds(backends, tools, sizes, machine), memory(backends, sizes))
    if as_json:
        raw = {name: asdict(found) for name, found in backends.items()}
        about = {"sizes": asdict(sizes), "machine": asdict(machine), "missing": missing}
        print(json.dumps({**summary(backends), **about, "backends": raw}))


def measure(subject: Subject, sizes: Sizes, runs: int, say: Say) -> Backend:
    """All jobs of one backend. The server is a new one for each pair, so that the disk doesn't fill up."""
    objects, segments, small = [], [], None
    for number in range(1, runs + 1):
        say(f"{subject.name}, pair {number} of {runs} …")
        with subject.start() as settings:
            objects.append(_pair(settings, "object", sizes, ours_first=number % 2 == 1))
            segments.append(_pair(settings, "segments", sizes, ours_first=number % 2 == 1))
            small = small or _do(settings, "ours", "object", Sizes(SMALL_MIB, 0))
    return Backend(objects, segments, small)


def _pair(settings: StorageSettings, work: Work, sizes: Sizes, *, ours_first: bool) -> Pair:
    """Both sides. Who is first may have an advantage, or a drawback: it changes from pair to pair."""
    order: tuple[Who, Who] = ("ours", "bare") if ours_first else ("bare", "ours")
    done = {who: _do(settings, who, work, sizes) for who in order}
    return Pair(ours=done["ours"], bare=done["bare"])


def _do(settings: StorageSettings, who: Who, work: Work, sizes: Sizes) -> Measured:
    """One side, with data that no one has stored before: IPFS would have nothing to do the second time."""
    size = sizes.object_bytes if work == "object" else sizes.segments_bytes
    with tempfile.TemporaryDirectory(prefix="gfb-", ignore_cleanup_errors=True) as folder:
        source = Path(folder) / "source"
        if work == "object":
            make_object(source, size)
        else:
            make_segments(source, sizes.segments)
        _touch(Path(folder), size)
        return job.run(Job(who, work, settings, source, size))


def _touch(folder: Path, size: int) -> None:
    """Write and remove as much as will be stored.

    A virtual machine gets memory and disk from its host when it first uses them, many times slower than ever after:
    whoever is first would pay for all.
    """
    file = folder / "touch"
    make_object(file, size)
    os.sync()
    file.unlink()
