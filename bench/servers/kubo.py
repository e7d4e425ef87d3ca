"""A real Kubo: a repository of its own, on free ports of this machine, with no word to any other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.servers.ports import free_ports
from bench.servers.signals import undisturbed
from gilfoyle.errors import StartupError

START_S = 60


def binary() -> str | None:
    """Where Kubo is: `$KUBO_BINARY`, else beside the interpreter (`make test` builds it there), else on the PATH."""
    named = os.environ.get("KUBO_BINARY")
    beside = Path(sys.executable).with_name("ipfs")
    return named or (str(beside) if beside.exists() else shutil.which("ipfs"))


class KuboNode:
    """One node: `start`, `kill` (as a power button for the process) and `start` again keep repository and ports."""

    def __init__(self, ipfs: str, folder: Path) -> None:
        self._ipfs = ipfs
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.api, self.gateway = (f"http://127.0.0.1:{port}" for port in free_ports(2))

    def make(self) -> None:
        """Make the repository. Profile `test`: no bootstrap, no mDNS, no AutoConf, no AutoTLS, no resolvers."""
        self.run("init", "--profile=test")
        config = self._folder / "config"
        settings = json.loads(config.read_text())
        settings["Addresses"] |= {
            "API": f"/ip4/127.0.0.1/tcp/{self.api.rpartition(':')[2]}",
            "Gateway": f"/ip4/127.0.0.1/tcp/{self.gateway.rpartition(':')[2]}",
            "Swarm": [],
        }
        settings["Provide"] = {"Enabled": False}
        settings["Version"] = {"SwarmCheckEnabled": False}
        settings["Plugins"] = {"Plugins": {"telemetry": {"Disabled": True}}}
        config.write_text(json.dumps(settings))

    def start(self, *options: str) -> None:
        """Start the daemon and wait until it answers."""
        with (self._folder / "daemon.log").open("ab") as log, undisturbed():
            self._process = subprocess.Popen(
                [self._ipfs, "daemon", "--offline", *options],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise StartupError(f"Kubo didn't start:\n{(self._folder / 'daemon.log').read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL: it has no time to write down anything."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def run(self, *arguments: str) -> str:
        """What `ipfs` prints: against the daemon if it runs, else on the repository itself."""
        done = subprocess.run([self._ipfs, *arguments], env=self._environment(), capture_output=True, check=False)
        if done.returncode:
            raise StartupError(f"`ipfs {arguments[0]}` failed: {done.stderr.decode().strip()}")
        return done.stdout.decode()

    def _answers(self) -> bool:
        with suppress(OSError):
            request = urllib.request.Request(f"{self.api}/api/v0/version", method="POST")
            with urllib.request.urlopen(request, timeout=5) as answer:
                return bool(answer.status == 200)
        return False

    def _environment(self) -> dict[str, str]:
        quiet = {"IPFS_TELEMETRY": "off", "GOLOG_LOG_LEVEL": "error", "IPFS_PATH": str(self._folder)}
        return {**os.environ, **quiet}


@contextmanager
def kubo_node() -> Iterator[KuboNode]:
    """A running node in a temporary folder, until the end of the block. Raises StartupError."""
    ipfs = binary()
    if ipfs is None:
        raise StartupError("There is no Kubo: `make test` builds it where Go is installed; or set KUBO_BINARY.")
    with tempfile.TemporaryDirectory(prefix="gfk-", ignore_cleanup_errors=True) as folder:
        node = KuboNode(ipfs, Path(folder))
        try:
            node.make()
            node.start()
            yield node
        finally:
            node.kill()
