"""What can't be streamed ends within seconds, in a sentence; what is no media at all leaves nothing."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.clips import clip
from tests.e2e.gilfoyle_server import Server, wait_for
from tests.sources import numbered

PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n%s\n#EXT-X-ENDLIST\n"


def _bunny() -> bytes:
    return clip("bigbuckbunny.mp4").read_bytes()


def _text() -> bytes:
    return b"This is a letter, not a film.\n" * 100


def _without_index() -> bytes:
    return _bunny().replace(b"moov", b"m00v", 1)


def _huge(folder: Path) -> bytes:
    """A frame of 8,194 × 32 pixels."""
    return numbered(folder / "huge.mp4", "30", 30, filters="scale=8194:32").read_bytes()


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("text", "not_media"),
        ("without_index", "truncated"),
        ("huge", "frame_too_large"),
        ("playlist_of_a_file", "not_media"),
    ],
)
def test_it_is_errored_with_a_reason(server: Server, tmp_path: Path, what: str, code: str) -> None:
    makers = {"text": _text, "without_index": _without_index}
    made = {
        "huge": lambda: _huge(tmp_path),
        "playlist_of_a_file": lambda: PLAYLIST % b"file:///etc/passwd",
    }
    _assert_errored(server, tmp_path, (makers | made)[what](), code)


def test_a_playlist_of_a_url_makes_no_request(server: Server, tmp_path: Path) -> None:
    with socket.socket() as trap:
        trap.bind(("127.0.0.1", 0))
        trap.listen()
        trap.settimeout(0.5)
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/segment.ts".encode()
        _assert_errored(server, tmp_path, PLAYLIST % url, "not_media")
        with pytest.raises(TimeoutError):
            trap.accept()


def _assert_errored(server: Server, tmp_path: Path, data: bytes, code: str) -> None:
    file = tmp_path / "upload.mp4"
    file.write_bytes(data)
    media_id = server.create()
    assert server.send(media_id, file).status_code == 202
    media = server.wait(media_id, 10)
    assert media["status"] == "Errored"
    assert media["error"]["code"] == code
    assert media["error"]["message"].endswith(".")
    assert str(server.data) not in media["error"]["message"]
    left = [] if code == "not_media" else ["source"]
    wait_for(lambda: [path.name for path in server.objects(media_id).glob("*")] == left, 5)
    assert not server.children("ffmpeg", media_id)
    answer = server.http.get(server.stream_path(media_id, "master.m3u8"))
    assert answer.status_code == 409


def test_an_empty_file_is_refused(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "empty.mp4"
    file.touch()
    media_id = server.create()
    answer = server.send(media_id, file)
    assert answer.status_code == 400
    assert answer.json()["code"] == "empty_file"
    _assert_untouched(server, media_id)


def test_a_file_over_the_limit_is_refused_before_it_is_sent(server: Server) -> None:
    media_id = server.create()
    address = urlsplit(server.addresses["api"])
    started = time.monotonic()
    with socket.create_connection((address.hostname or "", address.port or 0), 5) as connection:
        connection.sendall(_upload_head(media_id, 100 * 2**30))
        answer = connection.recv(65536)
        while b"\r\n\r\n{" not in answer and (more := connection.recv(65536)):
            answer += more
    assert b" 413 " in answer.splitlines()[0]
    assert b"too_large" in answer
    assert time.monotonic() - started < 2
    _assert_untouched(server, media_id)


def test_a_cut_connection_leaves_nothing_and_the_upload_can_be_sent_again(server: Server) -> None:
    media_id = server.create()
    address = urlsplit(server.addresses["api"])
    with socket.create_connection((address.hostname or "", address.port or 0), 5) as connection:
        connection.sendall(_upload_head(media_id, 10_000_000))
        connection.sendall(_bunny()[:500_000])
    _assert_untouched(server, media_id)

    def again() -> httpx.Response | None:
        answer = server.send(media_id, clip("bigbuckbunny.mp4"))
        return answer if answer.status_code == 202 else None

    wait_for(again, 5)
    assert server.wait(media_id)["status"] == "Ready"


def _upload_head(media_id: str, length: int) -> bytes:
    return (
        f"POST /v1/medias/{media_id}/upload/video HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
        "Content-Type: multipart/form-data; boundary=edge\r\n\r\n"
        '--edge\r\nContent-Disposition: form-data; name="file"; filename="film.mp4"\r\n\r\n'
    ).encode()


def _assert_untouched(server: Server, media_id: str) -> None:
    assert server.media(media_id)["status"] == "AwaitingUpload"
    wait_for(lambda: not server.objects(media_id).exists(), 5)
    wait_for(lambda: not [file for file in (server.data / "media" / ".tmp").glob("*") if media_id in file.name], 5)
