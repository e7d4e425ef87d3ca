"""The one file tried as its user tries it: run, upload, play, every command. Bare systems without a network do, too.

Only the standard library, and what of it every process may use: it runs in namespaces of its own.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PLAYABLE_S = 60.0
"""What the first start may take until its first upload plays: unpacking, PostgreSQL, Temporal, the first segments."""
USER = 1500
"""Who runs it in a bare system: a user without a name."""
_WAIT_S = 180.0
_NAMESPACES = "ONEFILE_INSIDE"
# ioctl(2) on network devices, netdevice(7).
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_COMMANDS = (
    *("up", "upload", "import", "list", "show", "verify", "replace", "retry", "delete", "sign", "api", "worker"),
    *("migrate", "keys create", "keys list", "keys revoke", "projects create", "projects list", "projects delete"),
    *("storage check", "storage move", "storage sweep", "config check", "config show"),
)


class SmokeError(Exception):
    """It does not do what it should; the message says what."""


@dataclass
class Place:
    """Where it runs: in the system whose root is `root`, as `user`; or here, as whoever runs this."""

    file: Path
    folder: Path
    """Its home, working folder and cache, as seen from here."""
    root: Path | None = None
    user: int | None = None
    figures: dict[str, float] = field(default_factory=dict)

    def inside(self, path: Path) -> str:
        """A path as seen from the system that it runs in."""
        return str(Path("/", path.relative_to(self.root)) if self.root else path)

    def command(self, *arguments: str, **environment: str) -> list[str]:
        """What runs the one file with nothing of our environment."""
        home = self.inside(self.folder)
        variables = {"PATH": "/usr/bin:/bin", "HOME": home, "XDG_CACHE_HOME": f"{home}/.cache"} | environment
        line = ["env", "-i", *(f"{name}={value}" for name, value in variables.items())]
        if self.root:
            line = ["chroot", f"--userspec={self.user}:{self.user}", str(self.root), *line, "sh", "-c"]
            line += ['cd "$HOME" && exec "$@"', "sh"]
        return [*line, self.inside(self.file), *arguments]

    def run(self, *arguments: str, status: int = 0, **environment: str) -> str:
        """Run it to its end; returns what it prints. Raises SmokeError if it ends with another status."""
        done = subprocess.run(
            self.command(*arguments, **environment),
            cwd=None if self.root else self.folder,
            capture_output=True,
            text=True,
            timeout=_WAIT_S,
            check=False,
        )
        if done.returncode != status or "Traceback" in done.stderr:
            raise SmokeError(f"gilfoyle {' '.join(arguments)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout


def smoke(file: Path, clip: Path, root: Path | None = None) -> dict[str, float]:
    """Try it; returns figures in seconds. Raises SmokeError. `root`: a bare system to try it in, as root."""
    with _place(file, root) as place:
        clip_inside = place.folder / "clip.mp4"
        clip_inside.write_bytes(clip.read_bytes())
        with _up(place) as addresses:
            _first_play(place, addresses, clip_inside)
            _every_command(place, addresses, clip_inside)
        began = time.monotonic()
        with _up(place, counted=False):
            place.figures["ready at the second start"] = time.monotonic() - began
        if left := _left_over(place):
            raise SmokeError(f"It left running: {left}")
    return place.figures


@contextmanager
def _place(file: Path, root: Path | None) -> Iterator[Place]:
    if root is None:
        with tempfile.TemporaryDirectory(prefix="gfs-") as name:
            yield Place(file.resolve(), Path(name))
        return
    for stranger in ("python3", "zstd", "ffmpeg", "postgres"):
        if any((root / folder / stranger).exists() for folder in ("usr/bin", "bin", "usr/local/bin")):
            raise SmokeError(f"{root} is not bare: it has {stranger}.")
    subprocess.run(["mount", "-t", "proc", "proc", root / "proc"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "shm", root / "dev" / "shm"], check=True)
    with tempfile.TemporaryDirectory(prefix="gfs-", dir=root / "srv") as name:
        folder = Path(name)
        os.chown(folder, USER, USER)
        copy = folder / file.name
        copy.write_bytes(file.read_bytes())
        copy.chmod(0o755)
        yield Place(copy, folder, root, USER)


@contextmanager
def _up(place: Place, *, counted: bool = True) -> Iterator[dict[str, Any]]:
    """`up` on free ports until the end of the block; the addresses. It must stop in order."""
    ready = place.folder / "ready.json"
    line = place.command(
        *("up", "--data", f"{place.inside(place.folder)}/data", "--api-port", "0", "--ui-port", "0"),
        *("--ready-file", place.inside(ready)),
    )
    log = place.folder / "up.log"
    began = time.monotonic()
    with log.open("w") as said:
        process = subprocess.Popen(line, cwd=None if place.root else place.folder, stdout=said, stderr=said)
    if counted:
        place.figures["began"] = began
    try:
        started = False
        while not ready.exists():
            if not started and "Starting." in log.read_text():
                started = True
                if counted:
                    place.figures["unpacked"] = time.monotonic() - began
            if process.poll() is not None or time.monotonic() > began + _WAIT_S:
                raise SmokeError(f"`gilfoyle up` did not start: {log.read_text()}")
            time.sleep(0.02)
        if counted:
            place.figures["ready"] = time.monotonic() - began
        yield json.loads(ready.read_text())
        process.send_signal(signal.SIGTERM)
        if process.wait(60):
            raise SmokeError(f"`gilfoyle up` ended with {process.returncode}: {log.read_text()}")
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


def _first_play(place: Place, addresses: Mapping[str, Any], clip: Path) -> None:
    api = addresses["api"]
    media_id = place.run("upload", place.inside(clip), "--detach", "--url", api).strip()
    sent = time.monotonic()
    while not (media := _get_json(f"{api}/v1/medias/{media_id}"))["playable"]:
        if media["status"] == "Errored" or time.monotonic() > sent + _WAIT_S:
            raise SmokeError(f"The upload can't be played: {media}")
        time.sleep(0.02)
    stream = media["stream_url"]
    playlist = next(line for line in _get(stream).decode().splitlines() if line.endswith(".m3u8"))
    variant = stream.rpartition("/")[0] + "/" + playlist
    segment = next(line for line in _get(variant).decode().splitlines() if line.endswith(".m4s"))
    if len(_get(f"{variant.rpartition('/')[0]}/{segment}")) < 1000:
        raise SmokeError("The first segment is empty.")
    place.figures["first segment played"] = time.monotonic() - place.figures.pop("began")
    while (media := _get_json(f"{api}/v1/medias/{media_id}"))["status"] == "Processing":
        time.sleep(0.1)
    if media["status"] != "Ready":
        raise SmokeError(f"The upload did not become Ready: {media}")
    watch = f"{api}/watch/{media['playback_ids'][0]}"
    for page, holds in {
        f"{api}/": b"<html",
        watch: b"<video",
        f"{api}/static/hls.min.js": b"Hls",
        f"{api}/docs": b"swagger",
        f"{api}/static-docs/swagger-ui-bundle.js": b"function",
        addresses["temporal_ui"]: b"<html",
        f"{api}/readyz": b"ok",
    }.items():
        if holds.lower() not in _get(page).lower():
            raise SmokeError(f"{page} is not what it should be.")
    place.run("verify", media_id, "--url", api)


def _every_command(place: Place, addresses: Mapping[str, Any], clip: Path) -> None:
    """Each is there, and those that need one of the parts do their work."""
    for command in _COMMANDS:
        if "Usage: gilfoyle" not in place.run(*command.split(), "--help"):
            raise SmokeError(f"gilfoyle {command} --help prints no help.")
    if not place.run("--version").startswith("gilfoyle "):
        raise SmokeError("gilfoyle --version prints no version.")
    api, data = addresses["api"], ("--data", addresses["data"])
    cluster = {
        "GILFOYLE_DATABASE__URL": addresses["database_url"],
        "GILFOYLE_TEMPORAL__ADDRESS": addresses["temporal_address"],
        "GILFOYLE_STORAGE__FILESYSTEM__PATH": f"{addresses['data']}/media",
        "GILFOYLE_METRICS__PORT": "0",
        # Nobody listens there; but it starts only with the packages for it.
        "GILFOYLE_TRACES__ENDPOINT": f"http://127.0.0.1:{_free_port()}",
    }
    media_id = json.loads(place.run("list", "--json", "--url", api))[0]["id"]
    place.run("show", media_id, "--url", api)
    place.run("keys", "create", "smoke", *data)
    place.run("keys", "list", *data)
    place.run("projects", "create", "smoke", *data)
    place.run("projects", "delete", "smoke", *data)
    place.run("migrate", **cluster)
    place.run("storage", "check", **cluster)
    place.run("storage", "sweep", "--dry-run", **cluster)
    place.run("config", "show", "--defaults")
    if "reaches its source and nothing else" not in (said := place.run("config", "check")) and place.root:
        raise SmokeError(f"ffmpeg is not in its sandbox: {said}")
    place.run("replace", media_id, place.inside(clip), "--url", api)
    for role, sign in (("api", "startup complete"), ("worker --queue pipeline --queue io --queue transcode", "")):
        _starts(place, role.split(), sign, {**cluster, "GILFOYLE_SERVER__PORT": str(_free_port())})
    place.run("delete", media_id, "--url", api)
    place.run("show", media_id, "--url", api, status=1)


def _starts(place: Place, role: Sequence[str], sign: str, environment: Mapping[str, str]) -> None:
    """A process of a cluster says that it does its work, and ends when it is asked to."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    line = place.command(*role, **{**environment, "READY_FD": str(writing)})
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            line, cwd=None if place.root else place.folder, stdout=log, stderr=log, pass_fds=(writing,)
        )
        os.close(writing)
        try:
            if sign:
                port = environment["GILFOYLE_SERVER__PORT"]
                deadline = time.monotonic() + _WAIT_S
                while time.monotonic() < deadline and process.poll() is None:
                    try:
                        _get(f"http://127.0.0.1:{port}/readyz")
                        break
                    except OSError:
                        time.sleep(0.1)
                ready = process.poll() is None
            else:
                ready = os.read(reading, 1) == b"1"
            process.terminate()
            if process.wait(60) or not ready:
                log.seek(0)
                raise SmokeError(f"gilfoyle {' '.join(role)} did not work: {log.read().decode()}")
        finally:
            os.close(reading)
            if process.poll() is None:
                process.kill()
                process.wait()


def _left_over(place: Place) -> list[str]:
    """The command lines of what still runs from its cache."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            program = str((entry / "exe").readlink()) if entry.name.isdigit() else ""
            if program.startswith(str(place.folder)):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def _get(url: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as answer:
        return bytes(answer.read())


def _get_json(url: str) -> dict[str, Any]:
    return dict(json.loads(_get(url))["data"])


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def apart(arguments: Sequence[str]) -> None:
    """Go on in namespaces of this process's own: without a network, and nothing of it stays, mounts and processes.

    `arguments` are those of `python -m onefile`. Returns inside; never outside. Needs root.
    """
    if os.environ.get(_NAMESPACES):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
            request = struct.pack("16sH14x", b"lo", 0)
            flags = struct.unpack("16sH14x", fcntl.ioctl(device, _SIOCGIFFLAGS, request))[1]
            fcntl.ioctl(device, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))
        return
    line = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    line += [sys.executable, "-m", "onefile", *arguments]
    done = subprocess.run(line, env={**os.environ, _NAMESPACES: "1"}, check=False)
    raise SystemExit(done.returncode)
