"""`gilfoyle upload`, from the file to the URL to play."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from gilfoyle.cli import app, follow, transfer
from gilfoyle.cli.client import Client
from gilfoyle.errors import GilfoyleError, InvalidRequest, Unavailable, UnsupportedMedia


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "My film.mp4"
    path.write_bytes(b"not really a film")
    return path


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer.time, "sleep", lambda seconds: None)


def test_prints_the_url_alone_on_stdout_and_the_story_on_stderr(server: Any, samples: Any, film: Path) -> None:
    server.states = [
        samples.media(),
        samples.media(renditions=[samples.rendition()], playable=True),
        samples.media("Ready", renditions=[samples.rendition(status="Ready", progress=1.0)]),
    ]
    result = CliRunner().invoke(app, ["upload", str(film), "--url", server.url])
    assert result.exit_code == 0
    assert result.stdout == "http://media.example/stream/abc/master.m3u8\n"
    story = result.stderr.splitlines()
    assert [line.split(":")[1].split()[0] for line in story] == ["sent", "playable", "360p", "ready", "watch"]
    assert server.bodies["POST /v1/medias"] == b'{"title":"My film"}'


def test_says_what_a_media_lacks_once(server: Any, samples: Any, film: Path) -> None:
    mute = samples.media("Ready", warnings=[{"code": "sound_failed", "message": "It plays without its sound."}])
    server.states = [samples.media(playable=True), mute]
    result = CliRunner().invoke(app, ["upload", str(film), "--url", server.url])
    assert result.exit_code == 0
    assert result.stderr.count("film.mp4: warning: It plays without its sound.") == 1


def test_detached_it_prints_the_id(server: Any, samples: Any, film: Path) -> None:
    result = CliRunner().invoke(app, ["upload", str(film), "--detach", "--url", server.url])
    assert (result.exit_code, result.stdout) == (0, f"{samples.ID}\n")
    assert not any(asked.startswith("GET") for asked in server.asked)


def test_what_can_not_be_encoded_is_a_sentence_and_status_1(server: Any, samples: Any, film: Path) -> None:
    server.states = [samples.media("Errored", error={"code": "no_streams", "message": "It holds no video."})]
    result = CliRunner().invoke(app, ["upload", str(film), "--url", server.url])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert f"{film}: It holds no video." in result.stderr
    assert "DELETE" not in " ".join(server.asked)


def test_a_refused_file_leaves_no_media_and_the_others_go_on(server: Any, samples: Any, film: Path) -> None:
    server.upload_answer = (413, samples.error("too_large", "At most 5 bytes are taken."))
    result = CliRunner().invoke(app, ["upload", str(film), str(film), "--url", server.url])
    assert result.exit_code == 1
    assert result.stderr.count("At most 5 bytes are taken.") == 2
    assert server.asked.count(f"DELETE /v1/medias/{samples.ID}") == 2


@pytest.mark.parametrize("stop", [KeyboardInterrupt, InvalidRequest("shorter")])
def test_a_transfer_that_is_stopped_removes_its_media(
    server: Any, samples: Any, film: Path, monkeypatch: pytest.MonkeyPatch, stop: Any
) -> None:
    def stopped(body: Any) -> Any:
        yield b"-"
        raise stop

    monkeypatch.setattr(transfer.UploadBody, "__iter__", stopped)
    server.deletes_refused = 2  # the server has yet to notice
    with Client(server.url) as client, pytest.raises(type(stop) if isinstance(stop, Exception) else stop):
        transfer.send(client, transfer.examine(film), "x", Console(file=io.StringIO()))
    assert server.asked.count(f"DELETE /v1/medias/{samples.ID}") == 3


def test_a_lost_answer_to_a_whole_upload_is_not_a_failure(server: Any, samples: Any, film: Path) -> None:
    server.upload_answer = (503, samples.error("unavailable", "Restarting."))
    server.states = [samples.media("Processing")]
    with Client(server.url) as client:
        sent = transfer.send(client, transfer.examine(film), "x", Console(file=io.StringIO()))
    assert sent["status"] == "Processing"
    assert "DELETE" not in " ".join(server.asked)


def test_a_title_names_one_file(server: Any, film: Path) -> None:
    result = CliRunner().invoke(app, ["upload", str(film), str(film), "--title", "T", "--url", server.url])
    assert result.exit_code == 2
    assert server.asked == []


@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("a.mp4", [], "video"),
        ("a.FLAC", [], "audio"),
        ("a", [], "video"),
        ("a.mp4", ["--audio"], "audio"),
        ("a.mp3", ["--video"], "video"),
    ],
)
def test_the_kind_is_told_by_the_extension_or_by_the_user(
    server: Any, samples: Any, tmp_path: Path, name: str, options: list[str], kind: str
) -> None:
    (tmp_path / name).write_bytes(b"x")
    CliRunner().invoke(app, ["upload", str(tmp_path / name), "--detach", "--url", server.url, *options])
    assert f"POST /v1/medias/{samples.ID}/upload/{kind}" in server.asked


def test_every_file_is_looked_at_before_the_first_is_sent(server: Any, film: Path, tmp_path: Path) -> None:
    empty, fifo = tmp_path / "empty.mp4", tmp_path / "pipe"
    empty.touch()
    os.mkfifo(fifo)
    for wrong, sentence in [
        (tmp_path / "none.mp4", "There is no file"),
        (tmp_path, "is a folder"),
        (empty, "is empty"),
        (fifo, "is not a regular file"),
        (film / "below", "can't be read: Not a directory"),
    ]:
        with pytest.raises(InvalidRequest, match=sentence):
            transfer.examine(wrong)
        result = CliRunner().invoke(app, ["upload", str(film), str(wrong), "--url", server.url])
        assert result.exit_code == 1
    assert server.asked == []


def test_a_server_that_restarts_is_waited_for(server: Any, samples: Any) -> None:
    server.states = [samples.media(), 503, 502, samples.media("Ready")]
    with Client(server.url) as client:
        states = [state["status"] for state in follow.poll(client, samples.ID, pause=0)]
    assert states == ["Processing", "Ready"]


def test_a_server_that_stays_away_is_given_up_with_a_word_on_the_media(server: Any, samples: Any) -> None:
    server.states = [503]
    with Client(server.url) as client, pytest.raises(Unavailable, match=f"gilfoyle show {samples.ID}"):
        list(follow.poll(client, samples.ID, pause=0, patience=0.05))


def test_a_terminal_shows_a_line_per_rendition_and_hides_it_at_the_end(server: Any, samples: Any) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    renditions = [samples.rendition("720p", status="Waiting", progress=0.0), samples.rendition("360p\x1b]0;evil")]
    server.states = [samples.media(renditions=renditions, playable=True), samples.media("Ready")]
    with Client(server.url) as client:
        url = follow.follow(client, samples.media(), "film.mp4", console)
    assert url.endswith("master.m3u8")
    shown = screen.getvalue()
    assert "720p" in shown
    assert "Waiting" in shown
    assert "25%" in shown
    assert "playable after" in shown
    assert "\x1b]0;evil" not in shown


def test_a_rendition_that_fails_alone_is_told_once(server: Any, samples: Any) -> None:
    told = io.StringIO()
    failed = samples.rendition("1080p", status="Errored", error={"code": "encode_failed", "message": "ffmpeg gave up."})
    server.states = [samples.media(renditions=[failed]), samples.media("Ready", renditions=[failed])]
    with Client(server.url) as client:
        follow.follow(client, samples.media(), "f", Console(file=told))
    assert told.getvalue().count("1080p failed: ffmpeg gave up.") == 1


def test_ready_without_a_url_is_an_error_not_a_silence(server: Any, samples: Any) -> None:
    server.states = [samples.media("Ready", playable=False)]
    with Client(server.url) as client, pytest.raises(GilfoyleError, match="no URL"):
        follow.follow(client, samples.media(), "f", Console(file=io.StringIO()))


def test_errored_without_a_reason_still_says_something(server: Any, samples: Any) -> None:
    server.states = [samples.media("Errored")]
    with Client(server.url) as client, pytest.raises(UnsupportedMedia, match="could not be encoded"):
        follow.follow(client, samples.media(), "f", Console(file=io.StringIO()))
