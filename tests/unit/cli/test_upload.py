"""`gilfoyle upload`, from the file to the URL to play."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from gilfoyle.cli import app, follow, transfer
from gilfoyle.client import Gilfoyle
from gilfoyle.client.synchronous import uploads
from gilfoyle.errors import GilfoyleError, Gone, InvalidRequest, Unavailable, UnsupportedMedia
from tests.unit.cli.conftest import ID, UPLOAD

PLACE = f"/v1/uploads/{UPLOAD}"
PART = f"PATCH {PLACE}?token=t"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "My film.mp4"
    path.write_bytes(b"not really a film")
    return path


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "sleep", lambda seconds: None)
    monkeypatch.setattr(follow.time, "sleep", lambda seconds: None)


def test_prints_the_url_alone_on_stdout_and_the_story_on_stderr(server: Any, samples: Any, film: Path) -> None:
    server.states = [
        *[samples.media()] * 3,  # its checksum is looked at, and what it is
        samples.media(renditions=[samples.rendition()], playable=True),
        samples.media("Ready", renditions=[samples.rendition(status="Ready", progress=1.0)]),
    ]
    result = CliRunner().invoke(app, ["upload", str(film), "--url", server.url])
    assert result.exit_code == 0
    assert result.stdout == "http://media.example/stream/abc/master.m3u8\n"
    story = result.stderr.splitlines()
    assert [line.split(":")[1].split()[0] for line in story] == ["sent", "playable", "360p", "ready", "watch"]
    assert json.loads(server.bodies["POST /v1/uploads"])["media"] == {"title": "My film"}


def test_says_what_a_media_lacks_once(server: Any, samples: Any, film: Path) -> None:
    mute = samples.media("Ready", warnings=[{"code": "audio_failed", "message": "It plays without its sound."}])
    server.states = [samples.media(playable=True), mute]
    result = CliRunner().invoke(app, ["upload", str(film), "--url", server.url])
    assert result.exit_code == 0
    assert result.stderr.count("film.mp4: warning: It plays without its sound.") == 1


def test_detached_it_prints_the_id(server: Any, samples: Any, film: Path) -> None:
    result = CliRunner().invoke(app, ["upload", str(film), "--detach", "--url", server.url])
    assert (result.exit_code, result.stdout) == (0, f"{samples.ID}\n")
    assert server.asked.count(f"GET /v1/medias/{ID}") <= 2  # its checksum, and itself


def test_what_can_not_be_encoded_is_a_sentence_and_status_1(server: Any, samples: Any, film: Path) -> None:
    server.states = [samples.media("Errored", error={"code": "no_streams", "message": "It holds no video."})]
    result = CliRunner().invoke(app, ["upload", str(film), "--url", server.url])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert f"{film}: It holds no video." in result.stderr
    assert "DELETE" not in " ".join(server.asked)


def test_a_refused_file_leaves_no_media_and_the_others_go_on(server: Any, samples: Any, film: Path) -> None:
    server.upload_answers = [(413, samples.error("too_large", "At most 5 bytes are taken."))]
    result = CliRunner().invoke(app, ["upload", str(film), str(film), "--url", server.url])
    assert result.exit_code == 1
    assert result.stderr.count("At most 5 bytes are taken.") == 2
    assert server.asked.count(f"DELETE {PLACE}") == 2


def test_one_that_is_refused_at_once_is_not_sent(server: Any, samples: Any, film: Path) -> None:
    server.create_answer = (413, samples.error("too_large", "At most 5 bytes are taken."))
    result = CliRunner().invoke(app, ["upload", str(film), "--url", server.url])
    assert result.exit_code == 1 and "At most 5 bytes are taken." in result.stderr
    assert server.asked == ["POST /v1/uploads"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, InvalidRequest("shorter")])
def test_a_transfer_that_is_stopped_leaves_nothing(
    server: Any, film: Path, monkeypatch: pytest.MonkeyPatch, stop: Any
) -> None:
    def stopped(sending: Any, offset: int) -> Any:
        yield b"-"
        raise stop

    monkeypatch.setattr(uploads._Sending, "_rest", stopped)
    server.deletes_refused = 2  # the server has yet to notice
    with Gilfoyle(server.url) as client, pytest.raises(type(stop) if isinstance(stop, Exception) else stop):
        transfer.send(client, transfer.examine(film), "x", Console(file=io.StringIO()))
    assert server.asked.count(f"DELETE {PLACE}") == 3


def sent(server: Any, film: Path) -> tuple[dict[str, Any], str]:
    """The media, and what was told of its upload."""
    told = io.StringIO()
    with Gilfoyle(server.url) as client:
        media = transfer.send(client, transfer.examine(film), "x", Console(file=told, width=200))
    return media, told.getvalue()


def test_the_file_is_sent_by_tus(server: Any, samples: Any, film: Path) -> None:
    media, told = sent(server, film)
    assert server.asked[:2] == ["POST /v1/uploads", PART]
    assert server.bodies[PART] == film.read_bytes()
    ordered = json.loads(server.bodies["POST /v1/uploads"])
    assert ordered == {"media": {"title": "x"}, "length": 17, "file_name": "My film.mp4"}
    assert (media["id"], told) == (samples.ID, f"My film.mp4: sent 17 B, media {samples.ID}\n")


def test_a_lost_answer_to_a_whole_upload_is_not_a_failure(server: Any, samples: Any, film: Path) -> None:
    server.upload_answers = [(503, samples.error("unavailable", "Restarting."))]
    server.arrived = [(200, 17)]
    server.states = [samples.media("Processing")]
    assert sent(server, film)[0]["status"] == "Processing"
    assert "DELETE" not in " ".join(server.asked)


def test_an_upload_that_broke_off_goes_on_where_it_did(server: Any, samples: Any, film: Path) -> None:
    server.states = [samples.media(source_sha256=hashlib.sha256(film.read_bytes()).hexdigest())]
    server.upload_answers = [
        (503, samples.error("unavailable", "Restarting.")),
        (423, samples.error("locked", "Another request is bringing bytes.")),
        (400, samples.error("upload_stalled", "Too slow.")),
        (502, b"<html>"),
        (204, None),
    ]
    server.arrived = [(503, 0), (200, 5), (200, 5), (502, 0), (200, 9), (200, 12)]
    _media, told = sent(server, film)
    assert server.bodies[PART] == film.read_bytes()[12:]
    assert server.uploaded_from == "12"
    assert told.splitlines() == [
        "My film.mp4: the upload broke off; it goes on by itself when the server answers.",
        "My film.mp4: goes on at 5 B of 17 B.",
        "My film.mp4: goes on at 9 B of 17 B.",
        "My film.mp4: the upload broke off; it goes on by itself when the server answers.",
        "My film.mp4: goes on at 12 B of 17 B.",
        f"My film.mp4: sent 17 B, media {samples.ID}",
    ]


def test_an_upload_that_gets_nowhere_is_given_up_with_the_servers_reason(
    server: Any, samples: Any, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PATIENCE_S", 0.2)
    server.upload_answers = [(503, samples.error("storage_failed", "The storage is full."))]
    with pytest.raises(Unavailable, match="The storage is full"):
        sent(server, film)
    assert server.asked[-1] == f"DELETE {PLACE}"


def test_one_that_is_ended_meanwhile_is_not_sent_on(server: Any, samples: Any, film: Path) -> None:
    server.upload_answers = [(503, samples.error("unavailable", "Restarting."))]
    server.arrived = [(410, 0)]
    with pytest.raises(Gone):
        sent(server, film)


def test_a_file_that_changed_while_it_was_sent_is_said(server: Any, samples: Any, film: Path) -> None:
    server.states = [samples.media(source_sha256="0" * 64)]
    with pytest.raises(InvalidRequest, match="changed while it was being sent"):
        sent(server, film)
    assert server.asked[-1] == f"DELETE /v1/medias/{samples.ID}"


def test_a_file_that_becomes_shorter_is_said(server: Any, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "read", lambda file, size: b"")
    with Gilfoyle(server.url) as client, pytest.raises(InvalidRequest, match="became shorter"):
        transfer.send(client, transfer.examine(film), "x", Console(file=io.StringIO()))
    assert server.asked[-1] == f"DELETE {PLACE}"


def test_what_a_file_grows_by_is_not_sent(server: Any, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create = uploads.Uploads.create

    def grown(self: Any, **fields: Any) -> Any:
        film.write_bytes(b"not really a film, and more")
        return create(self, **fields)

    monkeypatch.setattr(uploads.Uploads, "create", grown)
    sent(server, film)
    assert server.bodies[PART] == b"not really a film"


def test_a_title_names_one_file(server: Any, film: Path) -> None:
    result = CliRunner().invoke(app, ["upload", str(film), str(film), "--title", "T", "--url", server.url])
    assert result.exit_code == 2
    assert server.asked == []


@pytest.mark.parametrize(("options", "kind"), [([], None), (["--audio"], "audio")])
def test_the_kind_is_found_out_unless_audio_only_is_wanted(
    server: Any, film: Path, options: list[str], kind: str | None
) -> None:
    CliRunner().invoke(app, ["upload", str(film), "--detach", "--url", server.url, *options])
    assert json.loads(server.bodies["POST /v1/uploads"]).get("kind") == kind


@pytest.mark.parametrize("name", ["na\u00efve \U0001f3ac.mp4", 'a"b;c.mp4'])
def test_any_name_is_sent(server: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    sent(server, tmp_path / name)
    assert json.loads(server.bodies["POST /v1/uploads"])["file_name"] == name


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
    with Gilfoyle(server.url) as client:
        states = [state["status"] for state in follow.poll(client, samples.ID, pause=0)]
    assert states == ["Processing", "Ready"]


def test_a_server_that_stays_away_is_given_up_with_a_word_on_the_media(server: Any, samples: Any) -> None:
    server.states = [503]
    with Gilfoyle(server.url) as client, pytest.raises(Unavailable, match=f"gilfoyle show {samples.ID}"):
        list(follow.poll(client, samples.ID, pause=0, patience=0.05))


def test_a_terminal_shows_a_line_per_rendition_and_hides_it_at_the_end(server: Any, samples: Any) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    renditions = [samples.rendition("720p", status="Waiting", progress=0.0), samples.rendition("360p\x1b]0;evil")]
    server.states = [samples.media(renditions=renditions, playable=True), samples.media("Ready")]
    with Gilfoyle(server.url) as client:
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
    with Gilfoyle(server.url) as client:
        follow.follow(client, samples.media(), "f", Console(file=told))
    assert told.getvalue().count("1080p failed: ffmpeg gave up.") == 1


def test_ready_without_a_url_is_an_error_not_a_silence(server: Any, samples: Any) -> None:
    server.states = [samples.media("Ready", playable=False)]
    with Gilfoyle(server.url) as client, pytest.raises(GilfoyleError, match="no URL"):
        follow.follow(client, samples.media(), "f", Console(file=io.StringIO()))


def test_errored_without_a_reason_still_says_something(server: Any, samples: Any) -> None:
    server.states = [samples.media("Errored")]
    with Gilfoyle(server.url) as client, pytest.raises(UnsupportedMedia, match="could not be encoded"):
        follow.follow(client, samples.media(), "f", Console(file=io.StringIO()))
