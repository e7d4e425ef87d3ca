"""`gilfoyle up`, the command, with everything that it runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from gilfoyle.embedded.folder import DataFolder
from tests.processes import program

UP = [sys.executable, "-m", "gilfoyle", "up"]
START_S = 60
STOP_S = 40
CHILDREN = 5  # PostgreSQL, Temporal, the API and two workers.


@contextmanager
def up(folder: DataFolder, *options: str, through: Sequence[str] = ()) -> Iterator[subprocess.Popen[str]]:
    """Run the command on free ports; it is stopped at the end of the block, and must leave nothing behind.

    `through`: a program that runs it.
    """
    command = [*through, *UP, "--data", str(folder.root), "--api-port", "0", "--ui-port", "0", *options]
    with program(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            family = descendants(process.pid)
            process.terminate()
            process.wait(STOP_S)
            left = [child for child in family if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
            for child in left:
                child.kill()
            assert left == []


def ready(process: subprocess.Popen[str], file: Path) -> dict[str, str]:
    """The addresses, once the command has written them."""
    for _ in range(START_S * 20):
        if file.exists():
            return dict(json.loads(file.read_text()))
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    raise AssertionError(f"not ready within {START_S} s")


def descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def refused(folder: DataFolder, *options: str) -> str:
    """What the command says when it can't run."""
    done = subprocess.run([*UP, "--data", str(folder.root), *options], capture_output=True, text=True, timeout=START_S)
    assert done.returncode == 1
    return done.stderr


def test_it_answers_where_it_says_and_leaves_nothing_behind(folder: DataFolder, tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    with up(folder, "--ready-file", str(file)) as process:
        said = ready(process, file)
        assert set(said) == {
            "api",
            "docs",
            "temporal_ui",
            "temporal_address",
            "namespace",
            "database_url",
            "data",
            "metrics",
        }
        metrics = said["metrics"].values()  # type: ignore[attr-defined]
        for url in (f"{said['api']}/readyz", said["docs"], said["temporal_ui"], *metrics):
            with urlopen(url) as answer:
                assert answer.status == 200
        assert said["data"] == str(folder.root)

        # Another one on the same data, then one on a port that is taken.
        again = refused(folder, "--api-port", "0", "--ui-port", "0")
        assert f"already running with the data folder {folder.root} (process {process.pid})" in again
        other = DataFolder(folder.root / "other")
        api_port = said["api"].rpartition(":")[2]
        assert f"Port {api_port} for the API is taken" in refused(other, "--api-port", api_port)
        assert not other.postgres.exists()

        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=STOP_S)
        assert process.returncode == 0
        for line in (said["api"], said["docs"], said["temporal_ui"], "Stopped."):
            assert line in output
        assert not file.exists()


def test_after_a_kill_the_next_start_clears_up(folder: DataFolder, tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    with up(folder, "--ready-file", str(file)) as process:
        ready(process, file)
        family = descendants(process.pid)
        assert len([child for child in family if child.ppid() == process.pid]) == CHILDREN
        process.kill()
        process.wait()
        file.unlink()
        with up(folder, "--ready-file", str(file)) as second:
            ready(second, file)
            assert [child for child in family if child.is_running()] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_it_starts_leaves_nothing_behind(folder: DataFolder, number: signal.Signals) -> None:
    with up(folder) as process:
        deadline = time.monotonic() + START_S
        while not (family := descendants(process.pid)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        output, _ = process.communicate(timeout=STOP_S)
        assert process.returncode == 0, output
        assert output.endswith("Stopped.\n")
        assert not any(child.is_running() for child in family)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root can be somebody else")
def test_a_user_without_a_name_or_a_home(tmp_path: Path) -> None:
    """As with `docker run --user 54321`. It may look into every folder, for this Python may be in a closed one."""
    with tempfile.TemporaryDirectory(prefix="gft-") as root:
        os.chown(root, 54321, 54321)
        folder, file = DataFolder(Path(root) / "data"), Path(root) / "ready.json"
        looks = "+dac_read_search"
        stranger = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
        stranger += [f"--inh-caps={looks}", f"--ambient-caps={looks}", "env", "-u", "HOME"]
        with up(folder, "--ready-file", str(file), through=stranger) as process:
            with urlopen(f"{ready(process, file)['api']}/readyz") as answer:
                assert answer.status == 200
            assert folder.postgres.stat().st_uid == 54321
            process.terminate()
            output, _ = process.communicate(timeout=STOP_S)
            assert process.returncode == 0, output
        assert sorted(path.name for path in folder.root.iterdir() if "postgres" in path.name) == ["postgres"]


def test_a_taken_ui_port_is_a_sentence(folder: DataFolder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refused(folder, "--api-port", "0", "--ui-port", port)
    assert f"Port {port} for Temporal's web UI is taken" in said
    assert said.endswith("Choose another with --ui-port, or 0 for any free one.\n")


def test_a_ready_file_that_cannot_be_written_is_a_sentence(folder: DataFolder) -> None:
    said = refused(folder, "--ready-file", os.fspath(folder.root / "no" / "ready.json"))
    assert "there is no folder" in said


@pytest.mark.slow
def test_open_to_others_it_asks_for_a_key(folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GILFOYLE_SERVER__HOST", "0.0.0.0")
    file = tmp_path / "ready.json"
    with up(folder, "--ready-file", str(file)) as process:
        api = ready(process, file)["api"]
        make = [*UP[:-1], "keys", "create", "test", "--data", str(folder.root)]
        key = subprocess.run(make, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
        listing = [*UP[:-1], "list", "--json", "--url", api]
        refused = subprocess.run(listing, capture_output=True, text=True, timeout=60)
        assert refused.returncode == 1 and "gilfoyle keys create" in refused.stderr
        done = subprocess.run([*listing, "--api-key", key], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
        monkeypatch.setenv("GILFOYLE_API_KEY", key)
        assert subprocess.run(listing, capture_output=True, text=True, timeout=60).stdout == "[]\n"


def test_open_to_all_it_does_not_start(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GILFOYLE_SERVER__HOST", "0.0.0.0")
    monkeypatch.setenv("GILFOYLE_AUTH__ENABLED", "false")
    assert "auth.allow_open" in refused(folder)
    assert not folder.postgres.exists()
