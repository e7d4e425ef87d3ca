"""Scrambled broadcasts and discs: what the packets of MPEG-TS and MPEG-PS say of themselves (ISO/IEC 13818-1).

ffprobe does not tell: the streams of such a file are named in clear tables, and can't be decoded.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from gilfoyle.media.header import container

MPEG = {"mpegts", "mpeg"}
"""The containers that say for each packet whether it is scrambled."""
SAMPLE_BYTES = 1 << 19
"""How much of a file's beginning, middle and end is looked into."""

_SYNC = 0x47
# Plain, with the time stamps of cameras and Blu-ray discs, with the parity of a transmission (bytes).
_STRIDES = (188, 192, 204)
_ALIGNED = 8  # so many packets in step are no accident
# Video, audio, and private streams that hold most of a disc's audio.
_PES = re.compile(rb"\x00\x00\x01[\xbd\xc0-\xef]", re.DOTALL)
# A disc is scrambled in part: each pack says for itself.
_SCRAMBLED_PART = 10


def scrambled_streams(probe: Mapping[str, Any], samples: Collection[bytes]) -> set[int]:
    """The indexes of the streams that are scrambled, given parts of the file. Other containers have none."""
    streams = probe.get("streams", [])
    if container(probe) == "mpegts":
        pids = scrambled_pids(samples)
        return {int(stream["index"]) for stream in streams if int(str(stream.get("id", "0x0")), 16) in pids}
    if container(probe) == "mpeg" and is_scrambled_program(samples):
        return {int(stream["index"]) for stream in streams}
    return set()


def scrambled_pids(samples: Iterable[bytes]) -> set[int]:
    """The PIDs of a transport stream most of whose packets are scrambled (`transport_scrambling_control`, 2.4.3.2)."""
    clear: Counter[int] = Counter()
    scrambled: Counter[int] = Counter()
    for sample in samples:
        for pid, control in _packets(sample):
            (scrambled if control else clear)[pid] += 1
    return {pid for pid, count in scrambled.items() if count > clear[pid]}


def is_scrambled_program(samples: Iterable[bytes]) -> bool:
    """Whether a program stream's packets are scrambled (`PES_scrambling_control`, 2.4.3.6), as on a DVD."""
    clear = scrambled = 0
    for sample in samples:
        for found in _PES.finditer(sample, 0, max(0, len(sample) - 7)):
            flags = sample[found.start() + 6]
            if flags & 0xC0 == 0x80:
                scrambled += bool(flags & 0x30)
                clear += not flags & 0x30
    return scrambled * _SCRAMBLED_PART > clear


def _packets(data: bytes) -> Iterator[tuple[int, int]]:
    """The PID and the scrambling control of each packet."""
    start, stride = _alignment(data)
    for at in range(start, len(data) - 3, stride):
        if data[at] == _SYNC:
            yield (data[at + 1] & 0x1F) << 8 | data[at + 2], data[at + 3] >> 6


def _alignment(data: bytes) -> tuple[int, int]:
    """Where the first packet begins and how far packets are apart (bytes); beyond the end if there are none."""
    start = data.find(_SYNC)
    while 0 <= start < 4 * _STRIDES[-1]:
        for stride in _STRIDES:
            if all(data[at : at + 1] == b"\x47" for at in range(start, start + _ALIGNED * stride, stride)):
                return start, stride
        start = data.find(_SYNC, start + 1)
    return len(data), 1
