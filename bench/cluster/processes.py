"""Servers that are started one after the other and stopped together."""

from __future__ import annotations

import os
import ssl
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from gilfoyle.errors import StartupError

_STOP_S = 20.0
_READY_S = 120.0


class Processes:
    """What each says is in `folder`. Stop them all when done; the last comes first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
        """Returns at once. `environment`: beside that of this process."""
        with (self._folder / f"{name}.log").open("wb") as out:
            process = subprocess.Popen(
                [str(each) for each in command],
                cwd=self._folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        self._running.append((name, process))

    def wait(self, url: str, text: str = "", *, token: str = "", authority: Path | None = None) -> None:
        """Until that URL answers 200, and with this text in it. Raises StartupError."""
        deadline = time.monotonic() + _READY_S
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        verify = ssl.create_default_context(cafile=str(authority)) if authority else True
        with httpx.Client(verify=verify, timeout=5, trust_env=False, headers=headers) as client:
            while True:
                self.check()
                try:
                    answer = client.get(url)
                    if answer.status_code == httpx.codes.OK and text in answer.text:
                        return
                except httpx.HTTPError:
                    pass
                if time.monotonic() > deadline:
                    raise StartupError(f"{url} does not answer as it should.")
                time.sleep(0.2)

    def check(self) -> None:
        """Raises StartupError if one of them has ended."""
        for name, process in self._running:
            if process.poll() is not None:
                said = (self._folder / f"{name}.log").read_text(errors="replace").strip().splitlines()
                raise StartupError(f"{name} has ended: {said[-1] if said else 'it said nothing.'}")

    def stop(self) -> None:
        """Returns when all have ended."""
        while self._running:
            _, process = self._running.pop()
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
