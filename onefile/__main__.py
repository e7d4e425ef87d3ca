"""`python -m onefile build | smoke | prove`: make the one file, try it, and try it in bare systems."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from onefile import smoke

SUITES = ("bookworm", "trixie")


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status: 0 done, 1 failed with a sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m onefile", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="build it from a wheel")
    building.add_argument("wheel", type=Path)
    building.add_argument("to", type=Path, help="the folder for it")
    building.add_argument("--quick", action="store_true", help="for a trial: packed in seconds, and larger")
    trying = commands.add_parser("smoke", help="run it, upload, play, try every command; without a network as root")
    trying.add_argument("file", type=Path)
    trying.add_argument("--root", type=Path, help="in this bare system (needs root)")
    proving = commands.add_parser("prove", help="make bare systems by debootstrap, and try it in each (needs root)")
    proving.add_argument("file", type=Path)
    proving.add_argument("suites", nargs="*", default=SUITES, help="Debian's, by name")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "build":
            from onefile.build import build
            from onefile.pack import BuildError

            try:
                build(chosen.wheel, chosen.to, quick=chosen.quick)
            except BuildError as error:
                print(error, file=sys.stderr)
                return 1
        elif chosen.command == "smoke":
            _smoke(chosen.file, chosen.root, arguments)
        else:
            for suite in chosen.suites:
                _prove(chosen.file, suite)
    except smoke.SmokeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _smoke(file: Path, root: Path | None, arguments: Sequence[str]) -> None:
    if os.geteuid() == 0:
        smoke.apart(arguments)
    with tempfile.TemporaryDirectory(prefix="gfs-") as folder:
        clip = Path(folder, "clip.mp4")
        make_clip(clip)
        figures = smoke.smoke(file, clip, root)
    for name, seconds in figures.items():
        print(f"{name}: {seconds:.1f} s")
    if (took := figures["first segment played"]) > smoke.PLAYABLE_S:
        raise smoke.SmokeError(
            f"It took {took:.0f} s until the first upload played, and may take {smoke.PLAYABLE_S:.0f}."
        )


def _prove(file: Path, suite: str) -> None:
    with tempfile.TemporaryDirectory(prefix=f"gfs-{suite}-", dir="/var/tmp") as name:
        root = Path(name)
        root.chmod(0o755)
        print(f"Making a bare {suite}.", flush=True)
        subprocess.run(["debootstrap", "--variant=minbase", suite, str(root)], check=True, stdout=subprocess.DEVNULL)
        print(f"In it, as a user without a name, without a network, without Python ({file.name}):", flush=True)
        line = [sys.executable, "-m", "onefile", "smoke", str(file), "--root", str(root)]
        if subprocess.run(line, check=False).returncode:
            raise smoke.SmokeError(f"It does not work in a bare {suite}.")


def make_clip(file: Path) -> None:
    """20 s of video and audio in 720p, by the ffmpeg of this environment."""
    from gilfoyle.config import ToolSettings
    from gilfoyle.ffmpeg.tools import ffmpeg_path

    video = "testsrc2=size=1280x720:rate=25:duration=20"
    command = [ffmpeg_path(ToolSettings()), "-v", "error", "-f", "lavfi", "-i", video]
    command += ["-f", "lavfi", "-i", "sine=frequency=440:duration=20", "-c:v", "libx264", "-preset", "ultrafast"]
    subprocess.run([*command, "-pix_fmt", "yuv420p", "-c:a", "aac", str(file)], check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
