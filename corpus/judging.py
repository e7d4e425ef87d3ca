"""What of a case's stream is not as it must be, as sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from corpus.case import Case
from corpus.reading import beeps_of, numbers, runs
from gilfoyle.media.agreement.report import Agreement, Verdict

BEEP_S = 0.010
"""How far from its place a beep may be (seconds)."""
# The very first AAC frame fades in, since the priming frame before it is not sent.
_FIRST_BEEP_S = 1024 / 48_000
# A codec's own delay or padding, and a frame.
_LENGTH_S = 0.12


def faults(
    case: Case,
    ffmpeg: str,
    folder: Path,
    video: Sequence[str],
    audio: Sequence[str],
    length: float,
    agreement: Agreement | None,
) -> list[str]:
    """Look at the stream in that folder. `video` and `audio`: names of its renditions; `length` in seconds."""
    found = _lengths(case, length)
    if case.frames == 0 and video:
        found.append(f"it has video: {', '.join(video)}")
    if case.numbers and not video:
        found.append("it has no video")
    for name in video if case.numbers is not None or case.frames else ():
        found += [f"{name}: {fault}" for fault in _frames(case, numbers(ffmpeg, f"{folder}/{name}/index.m3u8"))]
    if case.beeps is not None and bool(case.beeps) != bool(audio):
        found.append(f"audio: {', '.join(audio) or 'none'}")
    for name in audio if case.beeps else ():
        found += [f"{name}: {fault}" for fault in _beeps(case, beeps_of(ffmpeg, f"{folder}/{name}/index.m3u8"))]
    return found + (_verified(agreement) if agreement else [])


def _lengths(case: Case, length: float) -> list[str]:
    if case.length is None or abs(length - case.length) <= _LENGTH_S:
        return []
    return [f"it lasts {length:.3f} s, not {case.length:g}"]


def _frames(case: Case, shown: list[int]) -> list[str]:
    found = []
    if case.frames and len(shown) != case.frames:
        found.append(f"{len(shown)} frames, not {case.frames}")
    if case.numbers is not None and (seen := runs(shown)) != list(case.numbers):
        found.append(_difference(seen, list(case.numbers)))
    return found


def _difference(seen: list[int], wanted: list[int]) -> str:
    missing = sorted(set(wanted) - set(seen))
    if missing:
        return f"{len(missing)} frames are missing, such as {missing[:3]}"
    at = next((i for i, (one, other) in enumerate(zip(seen, wanted, strict=False)) if one != other), len(wanted))
    return f"frames in another order from the {at}th on: {seen[at : at + 5]}, not {wanted[at : at + 5]}"


def _beeps(case: Case, heard: list[float]) -> list[str]:
    wanted = list(case.beeps or ())
    if len(heard) != len(wanted):
        return [f"{len(heard)} beeps, not {len(wanted)}: {[round(at, 3) for at in heard]}"]
    off = [at - place for at, place in zip(heard, wanted, strict=True)]
    worst = max(off, key=abs)
    if all(abs(each) <= (_FIRST_BEEP_S if not place else BEEP_S) for each, place in zip(off, wanted, strict=True)):
        return []
    return [f"a beep is {1000 * worst:+.0f} ms off: {[round(1000 * each) for each in off]}"]


def _verified(agreement: Agreement) -> list[str]:
    differing = [each for each in agreement.findings if each.verdict == Verdict.DIFFERS]
    return [f"verify, {each.check} of {each.of}: {each.detail}" for each in differing]


def told(found: Mapping[str, Sequence[str]]) -> str:
    """What is wrong, file by file."""
    return "\n".join(f"{name}: {'; '.join(what)}" for name, what in found.items())
