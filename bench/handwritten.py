"""The other side: the one ffmpeg command that a person would write for the same ladder."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from bench.results import Run
from bench.subject import Subject
from gilfoyle.errors import EncodeFailed
from gilfoyle.media.policy import EncodingSettings
from gilfoyle.media.timeline import SAMPLE_RATE


def command(ffmpeg: str, subject: Subject, policy: EncodingSettings, folder: Path) -> list[str]:
    """Decode once; encode every rendition; write HLS of fragmented MP4 below `folder`, a folder per rendition.

    The same preset, quality, bounds, GOPs and segments as Gilfoyle's; threads as ffmpeg chooses. All of it goes
    through one `hls` output, whose variant map also makes the audio a rendition of its own.
    """
    plan, grid = subject.plan, subject.plan.grid
    assert subject.info.video is not None  # `examine` refuses a file without video
    maps = [part for index in range(len(plan.video)) for part in ("-map", f"[v{index}]")]
    audio = subject.info.main_audio if plan.audio else None
    if audio:
        maps += ["-map", f"0:{audio.index}"]
    gop = str(grid.gop_frames)
    return [
        ffmpeg, "-hide_banner", "-nostdin", "-v", "error", "-y", "-i", str(subject.source),
        "-filter_complex", _filters(subject), *maps,
        "-c:v", "libx264", "-preset", policy.preset, "-profile:v", "high", "-pix_fmt", "yuv420p",
        "-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-flags:v", "+cgop",
        *_rates(subject, policy),
        *_audio(subject),
        "-f", "hls", "-hls_segment_type", "fmp4", "-hls_time", f"{float(grid.segment_frames / grid.rate):g}",
        "-hls_playlist_type", "vod", "-hls_flags", "independent_segments",
        "-hls_segment_filename", str(folder / "%v" / "%05d.m4s"), "-hls_fmp4_init_filename", "init.mp4",
        "-master_pl_name", "master.m3u8", "-var_stream_map", _variants(subject),
        str(folder / "%v" / "index.m3u8"),
    ]  # fmt: skip


def run(command: list[str], subject: Subject, folder: Path) -> Run:
    """Run the command and measure it. Raises EncodeFailed."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    with process.stderr as pipe:
        complaints = pipe.read()
    # Waited for here, not by subprocess: wait4 says what this very process used.
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.monotonic() - began
    if process.returncode:
        raise EncodeFailed(f"The hand-written command failed: {complaints.decode(errors='replace').strip()[-500:]}")
    sizes = {name: sum(file.stat().st_size for file in (folder / name).glob("*.m4s")) for name in subject.renditions}
    return Run(cpu_s=usage.ru_utime + usage.ru_stime, wall_s=wall_s, segment_bytes=sizes)


def _filters(subject: Subject) -> str:
    video, grid, ladder = subject.info.video, subject.plan.grid, subject.plan.video
    assert video is not None
    rate = "" if video.frame_rate == grid.rate else f"fps={grid.rate_num}/{grid.rate_den},"
    branches = "".join(f"[s{index}]" for index in range(len(ladder)))
    scaled = [
        f"[s{index}]scale={rendition.width}:{rendition.height}:flags=bicubic,setsar=1[v{index}]"
        for index, rendition in enumerate(ladder)
    ]
    return ";".join([f"[0:{video.index}]{rate}split={len(ladder)}{branches}", *scaled])


def _rates(subject: Subject, policy: EncodingSettings) -> list[str]:
    options: list[str] = []
    for index, rendition in enumerate(subject.plan.video):
        options += [f"-crf:v:{index}", f"{rendition.crf:g}", f"-maxrate:v:{index}", f"{rendition.max_kbps}k"]
        options += [f"-bufsize:v:{index}", f"{round(rendition.max_kbps * policy.buffer_s)}k"]
    return options


def _audio(subject: Subject) -> list[str]:
    if not subject.plan.audio:
        return []
    rendition = subject.plan.audio[0]
    return ["-c:a", "aac", "-b:a", f"{rendition.kbps}k", "-ac", str(rendition.channels), "-ar", str(SAMPLE_RATE)]


def _variants(subject: Subject) -> str:
    """ffmpeg's own little language; `name` becomes `%v`, the rendition's folder."""
    group = ",agroup:audio" if subject.plan.audio else ""
    video = [f"v:{index}{group},name:{rendition.name}" for index, rendition in enumerate(subject.plan.video)]
    audio = [f"a:0,agroup:audio,default:yes,name:{rendition.name}" for rendition in subject.plan.audio[:1]]
    return " ".join([*video, *audio])
