"""`gilfoyle import`: the server fetches, and is followed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from gilfoyle.cli import app, follow
from gilfoyle.cli.commands.import_ import name_of

URL = "https://files.example/films/Big%20film.mp4?signature=s3cret"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow.time, "sleep", lambda seconds: None)


def fetched(status: str, received: int) -> dict[str, Any]:
    return {"url": "x", "status": status, "received_bytes": received, "total_bytes": 2_000_000, "error": None}


def test_it_is_followed_until_it_plays(server: Any, samples: Any) -> None:
    server.states = [
        samples.media("AwaitingUpload", input=[fetched("Importing", 1_000_000)]),
        samples.media("Processing", input=[fetched("Imported", 2_000_000)]),
        samples.media("Ready", input=[fetched("Imported", 2_000_000)]),
    ]
    result = CliRunner().invoke(app, ["import", URL, "--start", "1.5", "--url", server.url])
    assert (result.exit_code, result.stdout) == (0, "http://media.example/stream/abc/master.m3u8\n")
    assert "Big film.mp4: fetched 2.0 MB" in result.stderr and "s3cret" not in result.stderr
    assert json.loads(server.bodies["POST /v1/medias"]) == {
        "title": "Big film", "input": [{"url": URL, "start": 1.5}]
    }  # fmt: skip


def test_detached_it_prints_the_id(server: Any, samples: Any) -> None:
    result = CliRunner().invoke(app, ["import", URL, "--detach", "--title", "Film", "--url", server.url])
    assert (result.exit_code, result.stdout) == (0, f"{samples.ID}\n")


def test_what_can_not_be_had_is_a_sentence_and_status_1(server: Any, samples: Any) -> None:
    server.states = [samples.media("Errored", error={"code": "import_refused", "message": "There is no such file."})]
    result = CliRunner().invoke(app, ["import", URL, "--url", server.url])
    assert result.exit_code == 1 and "There is no such file." in str(result.exception)


@pytest.mark.parametrize(
    ("url", "name"),
    [(URL, "Big film.mp4"), ("https://a.example/", "a.example"), ("https://a.example/b/?c=d", "b"), ("", "file")],
)
def test_what_it_is_called(url: str, name: str) -> None:
    assert name_of(url) == name
