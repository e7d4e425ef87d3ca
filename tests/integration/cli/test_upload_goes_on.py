"""`gilfoyle upload` through a line that breaks, to the real API."""

from __future__ import annotations

import contextlib
import hashlib
import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from socketserver import BaseRequestHandler, ThreadingTCPServer
from urllib.parse import urlsplit

import pytest
from rich.console import Console

from gilfoyle.cli import transfer
from gilfoyle.client import Gilfoyle
from gilfoyle.client.synchronous import uploads
from gilfoyle.config import Settings
from tests.integration.api.conftest import served, settings  # noqa: F401
from tests.reverse_proxy import serving

FILM = Random(5).randbytes(6_000_001)


@contextmanager
def breaking(to: str, *cuts: int) -> Iterator[str]:
    """The address of a line to a server, which cuts the connections that send more than the next of `cuts` bytes."""
    target, left = urlsplit(to), list(cuts)

    class Line(BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((target.hostname, target.port)) as there:
                answers = threading.Thread(target=_hand_on, args=(there, self.request))
                answers.start()
                sent = 0
                while data := self.request.recv(65536):
                    sent += len(data)
                    if left and sent > left[0]:
                        left.pop(0)
                        break
                    there.sendall(data)
                else:
                    there.shutdown(socket.SHUT_WR)
                    answers.join()
                    return
                for each in (there, self.request):
                    each.shutdown(socket.SHUT_RDWR)
                answers.join()

    with ThreadingTCPServer(("127.0.0.1", 0), Line) as server, serving(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"
    assert not left, "the line did not break as often as it should"


def _hand_on(reader: socket.socket, writer: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := reader.recv(65536):
            writer.sendall(data)


def test_an_upload_goes_on_where_the_line_broke(
    settings: Settings,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uploads, "_PAUSE_S", 0.1)
    film, told = tmp_path / "Film.mp4", io.StringIO()
    film.write_bytes(FILM)
    with served(settings) as server, breaking(server, 2_000_000, 1_500_000) as url, Gilfoyle(url) as client:
        media = transfer.send(client, transfer.examine(film), "Film", Console(file=told, width=200))
        shown = client.medias.get(media["id"])
    assert (shown.source_bytes, shown.file_name) == (len(FILM), "Film.mp4")
    assert shown.source_sha256 in (None, hashlib.sha256(FILM).hexdigest())
    story = told.getvalue().splitlines()
    # A break that comes before the server has anything more is not told again.
    assert [line.partition(": ")[2].split()[0] for line in story] in (
        ["the", "goes", "the", "goes", "sent"],
        ["the", "goes", "sent"],
    )
    assert not any("goes on at 0 B" in line for line in story)
