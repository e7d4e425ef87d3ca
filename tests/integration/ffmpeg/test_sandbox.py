"""What ffmpeg can reach: a file that takes it over finds its source, and nothing else."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gilfoyle.errors import StartupError
from gilfoyle.ffmpeg import sandbox
from gilfoyle.ffmpeg.process import ProcessFailed, capture
from gilfoyle.ffmpeg.sandbox import Mode, State
from gilfoyle.ffmpeg.source import Source
from tests.sources import FFMPEG, numbered

pytestmark = pytest.mark.skipif(not sandbox.state().whole, reason=sandbox.state().why_not)


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = sandbox._mode, sandbox._besides
    yield
    sandbox.use(*before)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (folder := tmp_path / "source").mkdir()
    (folder / "film").write_text("the source")
    (folder / "other").write_text("another customer's film")
    return folder / "film"


async def run(*command: str, source: str | Path = "", port: int | None = None) -> str:
    """What it prints. Raises AssertionError with what it complained of."""
    given = Source(str(source))
    given.port = port
    try:
        out = await capture(command, timeout_s=20, memory_mb=2048, source=given)
    except ProcessFailed as error:
        raise AssertionError(error.tail) from error
    return out.decode()


async def sh(script: str, source: str | Path = "") -> str:
    return await run("/bin/sh", "-c", script, source=source)


async def test_the_source_is_read(source: Path) -> None:
    assert await sh(f"cat {source}", source) == "the source"


@pytest.mark.parametrize(
    "script",
    [
        "cat {folder}/other",
        "ls {folder}",
        "cat {folder}/../source/other",
        "echo spoiled >{source}",
        "echo new >{folder}/new",
        "mkdir {folder}/new",
        "rm {source}",
        "mv {source} {folder}/new",
        "ln {source} {folder}/new",
        "ln -s {folder}/other {folder}/new",
        "chmod 600 {source}",
        "chown 65534 {source}",
        "touch {source}",
        "kill -0 $PPID",
        "cat /etc/passwd",
        "ls /root /home",
        "ls /proc",
        "cat /proc/$PPID/environ",
        "cat /proc/$PPID/mem",
        "echo >/dev/shm/new",
        "echo >/tmp/new",
        "mount -t tmpfs none /tmp",
        "unshare -U true",
        "chroot / true",
    ],
)
async def test_nothing_else_is(script: str, source: Path) -> None:
    before = sorted(source.parent.iterdir())
    with pytest.raises(AssertionError, match=r"[Pp]ermission denied|not permitted|cannot (access|create|open)"):
        await sh(script.format(source=source, folder=source.parent), source)
    assert sorted(source.parent.iterdir()) == before and source.read_text() == "the source"


async def test_a_link_leads_nowhere(source: Path) -> None:
    """One that lay there before leads out of what may be read: what counts is where it ends."""
    (source.parent / "link").symlink_to(source.parent / "other")
    with pytest.raises(AssertionError, match="Permission denied"):
        await sh(f"cat {source.parent / 'link'}", source)


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    """A server of this machine that nobody may reach."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        listening.settimeout(0.2)
        yield listening


@pytest.fixture
def reach(trap: socket.socket) -> Callable[[str], str]:
    port = trap.getsockname()[1]
    return lambda scheme: f"{scheme}://127.0.0.1:{port}/film.mp4"


@pytest.mark.parametrize("scheme", ["http", "tcp", "rtmp", "udp", "rtsp"])
async def test_no_connection_is_made(scheme: str, reach: Callable[[str], str], trap: socket.socket) -> None:
    """Whatever ffmpeg's own lists of protocols would let through."""
    with pytest.raises(AssertionError, match="not permitted"):
        await run(FFMPEG, "-v", "error", "-i", reach(scheme), "-f", "null", "-")
    with pytest.raises(TimeoutError):
        trap.accept()


_CONNECT = """
import socket, sys
kind, family = getattr(socket, sys.argv[1]), getattr(socket, sys.argv[2])
host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
socket.socket(family, kind).connect((host, int(sys.argv[3])))
"""


async def test_of_a_relay_its_port_is_reached(trap: socket.socket) -> None:
    port = trap.getsockname()[1]
    await run(sys.executable, "-S", "-c", _CONNECT, "SOCK_STREAM", "AF_INET", str(port), port=port)
    trap.accept()[0].close()


@pytest.mark.parametrize(
    ("kind", "family"), [("SOCK_DGRAM", "AF_INET"), ("SOCK_STREAM", "AF_INET6"), ("SOCK_RAW", "AF_INET")]
)
async def test_by_nothing_but_tcp_over_ipv4(kind: str, family: str, trap: socket.socket) -> None:
    port = trap.getsockname()[1]
    with pytest.raises(AssertionError, match="not permitted"):
        await run(sys.executable, "-S", "-c", _CONNECT, kind, family, str(port), port=port)


@pytest.mark.skipif(not sandbox.state().ports, reason="this kernel's Landlock knows no ports (Linux 6.7)")
async def test_no_other_port_is(trap: socket.socket) -> None:
    port = trap.getsockname()[1]
    other = str(port)
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as relay,
        pytest.raises(AssertionError, match="Permission denied"),
    ):
        at = relay.getsockname()[1]
        await run(sys.executable, "-S", "-c", _CONNECT, "SOCK_STREAM", "AF_INET", other, port=at)
    listen = "import socket; socket.create_server(('127.0.0.1', 0))"
    with pytest.raises(AssertionError, match="Permission denied"):
        await run(sys.executable, "-S", "-c", listen, port=port)
    with pytest.raises(TimeoutError):
        trap.accept()


async def test_no_file_is_opened_that_a_source_names(tmp_path: Path) -> None:
    """A list of files is no source that Gilfoyle opens; if it did, the file would not be read."""
    film = numbered(tmp_path / "film.mp4", "30", 30)
    (listed := tmp_path / "list").write_text(f"ffconcat version 1.0\nfile {film.name}\n")
    command = [FFMPEG, "-v", "error", "-f", "concat", "-safe", "0", "-i", str(listed), "-f", "null", "-"]
    with pytest.raises(AssertionError, match="Permission denied"):
        await run(*command, source=listed)
    sandbox.use(Mode.NONE)
    assert await run(*command, source=listed) == ""


async def test_it_has_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "GILFOYLE_DATABASE__URL", "PGPASSWORD", "SOME_TOKEN", "STRIPE_API_KEY"):
        monkeypatch.setenv(name, "planted")
    monkeypatch.setenv("LANG", "C.UTF-8")
    said = await sh("env")
    assert "planted" not in said and "LANG=C.UTF-8" in said


async def test_what_an_operator_names_is_read(source: Path) -> None:
    sandbox.use(Mode.AUTO, [str(source.parent)])
    assert await sh(f"cat {source.parent / 'other'}", source) == "another customer's film"
    sandbox.use(Mode.NONE)
    assert await sh(f"cat {source.parent / 'other'}", source) == "another customer's film"


async def test_this_process_is_not_confined(source: Path) -> None:
    await sh("true", source)
    assert (source.parent / "other").read_text() and socket.socket().close() is None
    assert [*Path("/proc").iterdir()]


def test_what_a_machine_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = State(files=False, network=True, why_not="Landlock can't be used: it needs Linux 5.13.")
    monkeypatch.setattr(sandbox, "state", lambda: lacking)
    assert sandbox.told(Mode.AUTO) == f"ffmpeg can reach more than its source: {lacking.why_not}"
    with pytest.raises(StartupError, match=r"needs Linux 5\.13\. Set tools\.sandbox to auto"):
        sandbox.use(Mode.REQUIRED)
    sandbox.use(Mode.AUTO)
    assert sandbox.active()
