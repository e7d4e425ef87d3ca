"""The command line against a real server: `gilfoyle up`, with all that it starts."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gilfoyle.config import ToolSettings
from gilfoyle.ffmpeg.tools import ffmpeg_path
from tests.processes import program

PYTHON = [sys.executable, "-m", "gilfoyle"]
LIMIT = 200_000_000


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of its own, which takes at most LIMIT bytes."""
    # A short path that every account may enter: PostgreSQL's socket lies in it.
    folder = tmp_path_factory.mktemp("up")
    ready, log, config = folder / "ready.json", folder / "up.log", folder / "small.yaml"
    # By a file, which every process that `up` starts has to find.
    config.write_text(f"limits: {{upload_bytes: {LIMIT}}}\n")
    places = ["--data", "data", "--ready-file", str(ready), "--config", config.name]
    command = [*PYTHON, "up", "--api-port", "0", "--ui-port", "0", *places]
    with log.open("wb") as output, program(command, cwd=folder, stdout=output, stderr=output) as server:
        try:
            deadline = time.monotonic() + 60
            while not ready.exists():
                assert server.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield json.loads(ready.read_text())["api"]
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of video and audio."""
    path = tmp_path_factory.mktemp("film") / "Test film.mp4"
    video, audio = "testsrc2=size=320x180:rate=25:duration=5", "sine=frequency=440:duration=5"
    inputs = ["-f", "lavfi", "-i", video, "-f", "lavfi", "-i", audio]
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run([ffmpeg_path(ToolSettings()), "-v", "error", *inputs, *codecs, str(path)], check=True)
    return path


def run(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PYTHON, *arguments, "--url", url], capture_output=True, text=True, timeout=120)


def medias(url: str) -> list[dict[str, Any]]:
    return json.loads(run(url, "list", "--json").stdout)


def test_from_a_file_to_a_stream_and_away_again(url: str, film: Path) -> None:
    sent = run(url, "upload", str(film), "--title", "Ein Film")
    assert sent.returncode == 0, sent.stderr
    assert "playable after" in sent.stderr
    playlist = httpx.get(sent.stdout.strip())
    assert playlist.text.startswith("#EXTM3U")

    [media] = medias(url)
    assert (media["title"], media["status"], media["file_name"]) == ("Ein Film", "Ready", "Test film.mp4")
    shown = run(url, "show", media["id"]).stdout
    assert sent.stdout.strip() in shown
    renditions = httpx.get(f"{url}/v1/medias/{media['id']}").json()["data"]["renditions"]
    assert renditions and all(rendition["name"] in shown for rendition in renditions)

    for named in (media["id"], str(film)):
        verified = run(url, "verify", named)
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert verified.stdout.splitlines()[-1] == f"{named} agrees with its source."
    [found] = json.loads(run(url, "verify", media["id"], "--json").stdout)
    assert (found["agrees"], found["media_id"], found["fault"]) == (True, media["id"], None)
    assert {each["check"] for each in found["findings"]} >= {"frames", "order", "audio", "objects", "tfdt"}

    assert run(url, "delete", media["id"]).stdout == f"Deleted {media['id']}.\n"
    assert medias(url) == []
    assert run(url, "show", media["id"]).returncode == 1


def test_the_checksum_that_is_sent_along_is_the_files(url: str, film: Path) -> None:
    media_id = run(url, "upload", str(film), "--detach").stdout.strip()
    media = json.loads(run(url, "show", media_id, "--json").stdout)
    assert media["source_sha256"] == subprocess.check_output(["sha256sum", film], text=True).split()[0]
    assert media["source_bytes"] == film.stat().st_size
    run(url, "delete", media_id)


def test_what_is_no_media_is_a_sentence_and_stays_to_be_looked_at(url: str, tmp_path: Path) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear all, this is not a film.")
    result = run(url, "upload", str(letter))
    assert result.returncode == 1
    assert "not a video or audio file" in result.stderr
    [media] = medias(url)
    assert media["status"] == "Errored"
    run(url, "delete", media["id"])


def test_a_file_that_is_too_large_is_refused_and_leaves_no_media(url: str, tmp_path: Path) -> None:
    large = tmp_path / "large.mp4"
    with large.open("wb") as file:
        file.truncate(LIMIT + 1)
    result = run(url, "upload", str(large))
    assert result.returncode == 1
    assert str(LIMIT) in result.stderr
    assert medias(url) == []


def test_ctrl_c_while_sending_leaves_no_media(url: str, tmp_path: Path) -> None:
    large = tmp_path / "large.mp4"
    with large.open("wb") as file:
        file.truncate(LIMIT - 1000)
    with program([*PYTHON, "upload", large, "--url", url], stderr=subprocess.PIPE, text=True) as child:
        while not (found := httpx.get(f"{url}/v1/medias").json()["data"]):
            assert child.poll() is None
        assert found[0]["status"] == "AwaitingUpload"
        time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        _, stderr = child.communicate(timeout=30)
    assert (child.returncode, stderr) == (130, "")
    assert medias(url) == []


def test_what_can_not_be_verified_is_a_sentence_and_exit_status_1(url: str, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.mp4"
    stranger.write_bytes(b"never uploaded")
    result = run(url, "verify", str(stranger), "00000000-0000-0000-0000-000000000000")
    assert result.returncode == 1
    said = result.stdout.splitlines()
    assert said[0] == f"{stranger}: not compared. No media was made of that file: upload it first."
    assert said[1].startswith("00000000-0000-0000-0000-000000000000: not compared. ")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("typed", ["nonsense", "00000000-0000-0000-0000-000000000000"])
def test_an_id_that_is_not_there_is_a_sentence(url: str, typed: str) -> None:
    for command in ("show", "delete"):
        result = run(url, command, typed)
        assert result.returncode == 1
        assert result.stderr.strip()
        assert "Traceback" not in result.stderr


def test_another_file_takes_the_place_and_then_it_is_encoded_anew(url: str, film: Path, tmp_path: Path) -> None:
    media_id = run(url, "upload", str(film), "--detach").stdout.strip()
    until_ready(url, media_id)
    other = tmp_path / "other.mp4"
    other.write_bytes(film.read_bytes())
    replaced = run(url, "replace", media_id, str(other))
    assert replaced.returncode == 0, replaced.stderr
    assert replaced.stdout.strip().endswith("/master.m3u8")
    anew = run(url, "replace", media_id)
    assert anew.returncode == 0, anew.stderr
    shown = httpx.get(f"{url}/v1/medias/{media_id}").json()["data"]
    assert (shown["status"], shown["version"], shown["file_name"]) == ("Ready", 3, "other.mp4")
    (tmp_path / "text.mp4").write_text("no film\n" * 100)
    refused = run(url, "replace", media_id, str(tmp_path / "text.mp4"))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "video or audio" in refused.stderr
    assert httpx.get(f"{url}/v1/medias/{media_id}").json()["data"]["version"] == 3


def until_ready(url: str, media_id: str) -> None:
    deadline = time.monotonic() + 60
    while httpx.get(f"{url}/v1/medias/{media_id}").json()["data"]["status"] != "Ready":
        assert time.monotonic() < deadline
        time.sleep(0.1)
