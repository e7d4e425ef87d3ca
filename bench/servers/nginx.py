"""nginx, with one worker that serves a folder by sendfile, on a free loopback port."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.servers.ports import free_ports
from bench.servers.signals import undisturbed
from gilfoyle.errors import StartupError

START_S = 10

# What its manual has for large files. Requests on one connection do not end, as those of the other server do not.
_CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {http}
}}
{user}
"""


def plain(folder: Path) -> str:
    """The configuration of a server that has nothing but the files of a folder."""
    return f"sendfile on; tcp_nopush on; server {{ listen 127.0.0.1:PORT; root {folder}; }}"


def putting(folder: Path) -> str:
    """The configuration of a server that takes files by PUT into a folder, which none but this server uses."""
    (folder / ".body").mkdir(exist_ok=True)
    limits = f"client_max_body_size 0; client_body_buffer_size 1m; client_body_temp_path {folder}/.body;"
    return f"server {{ listen 127.0.0.1:PORT; root {folder}; {limits} location / {{ dav_methods PUT; }} }}"


def before(api: str, media: Path) -> str:
    """deploy/nginx.conf, for an API at that URL that keeps its medias in that folder."""
    text = (Path(__file__).parents[2] / "deploy" / "nginx.conf").read_text()
    for ours, theirs in (
        ("listen 80;", "listen 127.0.0.1:PORT;"),
        ("127.0.0.1:8000", api.partition("://")[2]),
        ("/srv/gilfoyle/media", str(media)),
        ("/var/cache/nginx/gilfoyle", "FOLDER/cache"),
    ):
        if ours not in text:
            raise StartupError(f"deploy/nginx.conf has no {ours} to change.")
        text = text.replace(ours, theirs)
    return text


@dataclass(frozen=True)
class Nginx:
    """One that runs: `pid` is that of its master, the parent of the worker."""

    url: str
    pid: int


@contextmanager
def nginx(http: str) -> Iterator[Nginx]:
    """Start it, and stop it at the end of the block. Raises StartupError.

    `http`: what stands in that block of its configuration, with PORT for a free port, and FOLDER for a folder.
    """
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        raise StartupError("There is no nginx to compare with: install it (`apt-get install nginx-light`).")
    with tempfile.TemporaryDirectory(prefix="gfn-") as name:
        folder, (port,) = Path(name), free_ports(1)
        user = "user root;" if Path.home() == Path("/root") else ""
        text = _CONFIGURATION.format(folder=folder, http=http, user=user)
        text = text.replace("PORT", str(port)).replace("FOLDER", name)
        (folder / "nginx.conf").write_text(text)
        with undisturbed(), (folder / "error.log").open("wb") as log:
            process = subprocess.Popen([program, "-c", str(folder / "nginx.conf")], stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(process, url, folder / "error.log")
            yield Nginx(url, process.pid)
        finally:
            process.terminate()
            process.wait(10)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace").strip().splitlines() or ["It said nothing."]
                raise StartupError(f"nginx did not start: {said[-1]}") from None
            time.sleep(0.05)
        else:
            return
