"""`gilfoyle up` for the end-to-end tests, and what a client does with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from tests.processes import program
from tests.sources import read_numbers

T = TypeVar("T")

ONE_RUNG = {"GILFOYLE_ENCODING__VIDEO": '[{"height": 360, "max_kbps": 800}]'}
"""For tests of what is done with a stream, whichever: a ladder that takes a third of the time."""
START_S = 60
STOP_S = 40


@dataclass(frozen=True)
class Server:
    """A running `gilfoyle up`. `data` is its data folder."""

    process: psutil.Process
    addresses: Mapping[str, str]
    http: httpx.Client

    @property
    def data(self) -> Path:
        return Path(self.addresses["data"])

    def objects(self, media_id: str) -> Path:
        """The folder in which the filesystem storage keeps the media."""
        return self.data / "media" / media_id

    def segments(self, media_id: str) -> dict[str, tuple[int, int]]:
        """Each stored segment with its time of writing and its inode: either changes if it is written again."""
        folder = self.objects(media_id)
        stats = {str(path.relative_to(folder)): path.stat() for path in folder.rglob("*.m4s")}
        return {name: (stat.st_mtime_ns, stat.st_ino) for name, stat in stats.items()}

    def frames(self, media: Mapping[str, Any]) -> dict[str, list[int]]:
        """The numbers of the frames of each video rendition, decoded from what is stored."""
        names = [each["name"] for each in media["renditions"] if each["kind"] == "video"]
        return {name: read_numbers(self.objects(media["id"]) / "1" / name / "index.m3u8") for name in names}

    def create(self, title: str = "test") -> str:
        """A new media's id."""
        answer = self.http.post("/v1/medias", json={"title": title})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["id"])

    def send(self, media_id: str, file: Path, kind: str = "video") -> httpx.Response:
        """Upload a file to a media."""
        with file.open("rb") as data:
            return self.http.post(f"/v1/medias/{media_id}/upload/{kind}", files={"file": (file.name, data)})

    def media(self, media_id: str) -> dict[str, Any]:
        """The media as the API shows it."""
        answer = self.http.get(f"/v1/medias/{media_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["data"])

    def wait(self, media_id: str, timeout_s: float = 60) -> dict[str, Any]:
        """The media, once it is Ready or Errored."""
        return wait_for(lambda: self._ended(media_id), timeout_s)

    def stream(self, file: Path, kind: str = "video", timeout_s: float = 120) -> dict[str, Any]:
        """Upload a file and wait until it is Ready."""
        media_id = self.create(file.name)
        answer = self.send(media_id, file, kind)
        assert answer.status_code == 202, answer.text
        media = self.wait(media_id, timeout_s)
        assert media["status"] == "Ready", media["error"]
        return media

    def stream_path(self, media_id: str, path: str = "master.m3u8") -> str:
        """Where an object of the first encoding is played."""
        return f"/stream/{self.media(media_id)['playback_ids'][0]}/1/{path}"

    def url(self, path: str) -> str:
        return path if path.startswith("http") else self.addresses["api"] + path

    def children(self, *words: str) -> list[psutil.Process]:
        """The running descendants whose command line has all those words."""
        found = []
        for child in self.process.children(recursive=True):
            try:
                line = child.cmdline()
            except psutil.Error:
                continue
            if all(any(word in part for part in line) for word in words):
                found.append(child)
        return found

    def _ended(self, media_id: str) -> dict[str, Any] | None:
        media = self.media(media_id)
        return media if media["status"] in {"Ready", "Errored"} else None


def wait_for(check: Callable[[], T | None], timeout_s: float = 60) -> T:
    """What `check` returns once it is true."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if found := check():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {timeout_s} s")


def is_ready(http: httpx.Client) -> bool:
    """Whether an API that may still be starting can work."""
    try:
        return http.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def up(folder: Path, **settings: str) -> Iterator[Server]:
    """Run `gilfoyle up` on free ports with settings such as `GILFOYLE_WORKERS__THREADS="1"`."""
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "gilfoyle", "up", "--data", str(folder / "data"), "--api-port", "0"]
    command += ["--ui-port", "0", "--ready-file", str(ready)]
    environment = os.environ | settings
    with program(
        command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            wait_for(lambda: ready.exists() or process.poll() is not None, START_S)
            assert process.poll() is None, process.communicate()[0]
            addresses = json.loads(ready.read_text())
            with httpx.Client(base_url=addresses["api"], timeout=60) as http:
                yield Server(psutil.Process(process.pid), addresses, http)
        finally:
            process.terminate()
            process.wait(STOP_S)
