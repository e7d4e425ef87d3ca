"""`gilfoyle retry`, from the request to the end of the rendition, or of the media."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from gilfoyle.cli import app, follow


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow.time, "sleep", lambda seconds: None)


def test_follows_it_until_it_is_ready(server: Any, samples: Any) -> None:
    states = [("Waiting", "Ready"), ("Encoding", "Ready"), ("Ready", "Waiting")]
    server.states = [
        samples.media("Ready", renditions=[samples.rendition("720p", status=a), samples.rendition(status=b)])
        for a, b in states
    ]
    server.retry_answer = (202, server.states[0])
    result = CliRunner().invoke(app, ["retry", samples.ID, "720p", "--url", server.url])
    assert (result.exit_code, result.stdout) == (0, "720p is Ready.\n")
    assert "720p ready" in result.stderr and "playable" not in result.stderr
    assert server.asked[0] == f"POST /v1/medias/{samples.ID}/renditions/720p/retry"
    assert len(server.asked) == 4


def test_one_that_fails_again_is_a_sentence_and_status_1(server: Any, samples: Any) -> None:
    fault = {"code": "encode_failed", "message": "ffmpeg gave up."}
    server.states = [samples.media("Ready", renditions=[samples.rendition("720p", status="Errored", error=fault)])]
    server.retry_answer = (202, server.states[0])
    result = CliRunner().invoke(app, ["retry", samples.ID, "720p", "--url", server.url])
    assert result.exit_code == 1 and "ffmpeg gave up." in str(result.exception) and result.stdout == ""


def test_detached_it_returns_at_once(server: Any, samples: Any) -> None:
    server.retry_answer = (202, samples.media("Ready"))
    result = CliRunner().invoke(app, ["retry", samples.ID, "a/../b", "--detach", "--url", server.url])
    assert (result.exit_code, result.stdout) == (0, "")
    assert server.asked == [f"POST /v1/medias/{samples.ID}/renditions/a%2F%2E%2E%2Fb/retry"]


def test_a_media_as_a_whole_is_followed_until_it_plays(server: Any, samples: Any) -> None:
    server.states = [samples.media(), samples.media("Ready")]
    server.retry_answer = (202, server.states[0])
    result = CliRunner().invoke(app, ["retry", samples.ID, "--url", server.url])
    assert (result.exit_code, result.stdout) == (0, "http://media.example/stream/abc/master.m3u8\n")
    assert server.asked[0] == f"POST /v1/medias/{samples.ID}/retry"


def test_a_refusal_is_the_servers_sentence(server: Any, samples: Any) -> None:
    server.retry_answer = (409, samples.error("conflict", "It is Ready."))
    result = CliRunner().invoke(app, ["retry", samples.ID, "720p", "--url", server.url])
    assert result.exit_code == 1 and "It is Ready." in str(result.exception)
