"""How good frames are, against their source: VMAF by ffmpeg's libvmaf, at the source's size."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from gilfoyle.errors import EncodeFailed

SUBSAMPLE = 5
"""Each so-manieth frame is scored: that much faster, and the same for all that is compared."""


# Renditions say what their colour is, and many sources don't: ffmpeg would convert one of the two to be compared.
_ALIKE = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"


@dataclass(frozen=True)
class Reference:
    """What encodes are compared with. `width`, `height`: its size; `rate`: the encodes' frames per second."""

    file: Path
    width: int
    height: int
    rate: Fraction
    same_rate: bool = True
    """Else it is brought to the encodes' rate as they were."""


def has_vmaf(ffmpeg: str) -> bool:
    """Whether this ffmpeg was built with libvmaf."""
    done = subprocess.run([ffmpeg, "-hide_banner", "-filters"], capture_output=True, text=True, check=False)
    return " libvmaf " in done.stdout


def vmaf(ffmpeg: str, reference: Reference, encodes: Sequence[Path]) -> list[float]:
    """The mean VMAF of each encode, 0 to 100. Raises EncodeFailed."""
    with tempfile.TemporaryDirectory(prefix="gfb-") as name:
        line = command(ffmpeg, reference, encodes)
        # There: libvmaf's options stumble over some characters of a path.
        done = subprocess.run(line, cwd=name, capture_output=True, text=True, check=False)
        if done.returncode:
            raise EncodeFailed(f"ffmpeg could not compare the frames: {done.stderr.strip()[-500:]}")
        logs = [json.loads((Path(name) / f"{index}.json").read_text()) for index in range(len(encodes))]
    return [round(float(log["pooled_metrics"]["vmaf"]["mean"]), 3) for log in logs]


def command(ffmpeg: str, reference: Reference, encodes: Sequence[Path]) -> list[str]:
    """Decode the reference once, bring each encode to its size, write `0.json`, `1.json` … into the current folder.

    Frame n is compared with frame n, whatever their times: some files have an edit list, others none.
    """
    rate = reference.rate
    # Frame numbers in place of times.
    numbered = f"settb={rate.denominator}/{rate.numerator},setpts=N,{_ALIKE}"
    convert = "" if reference.same_rate else f"fps={rate.numerator}/{rate.denominator},"
    threads = max(1, (os.cpu_count() or 1) // len(encodes))
    branches = "".join(f"[r{index}]" for index in range(len(encodes)))
    parts = [f"[0:v]{convert}{numbered},format=yuv420p,split={len(encodes)}{branches}"]
    for index in range(len(encodes)):
        scale = f"scale={reference.width}:{reference.height}:flags=bicubic,format=yuv420p"
        score = f"libvmaf=n_subsample={SUBSAMPLE}:n_threads={threads}:log_fmt=json:log_path={index}.json"
        parts += [f"[{index + 1}:v]{numbered},{scale}[d{index}]", f"[d{index}][r{index}]{score}[o{index}]"]
    inputs = [part for file in [reference.file, *encodes] for part in ("-i", str(file.absolute()))]
    outputs = [part for index in range(len(encodes)) for part in ("-map", f"[o{index}]")]
    return [
        ffmpeg, "-hide_banner", "-nostdin", "-v", "error", *inputs,
        "-filter_complex", ";".join(parts), *outputs, "-f", "null", "-",
    ]  # fmt: skip
