"""What the client sends for the command line, and what it makes of the answers."""

from __future__ import annotations

import json
import socket
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from gilfoyle.cli import app
from gilfoyle.client import Gilfoyle
from gilfoyle.errors import Conflict, GilfoyleError, InvalidRequest, NotFound, Unavailable


def test_a_media_is_created_with_its_title(server: Any, samples: Any) -> None:
    with Gilfoyle(server.url) as client:
        assert client.medias.create("Übung").id == UUID(samples.ID)
    assert json.loads(server.bodies["POST /v1/medias"]) == {"title": "Übung"}


def test_an_error_of_the_server_keeps_its_code_its_sentence_and_its_fields(server: Any, samples: Any) -> None:
    server.raw = (
        400,
        json.dumps(samples.error("bad_title", "The title is too long.", fields={"title": "≤ 500"})).encode(),
    )
    with Gilfoyle(server.url) as client, pytest.raises(InvalidRequest) as caught:
        client.medias.create("x")
    assert (caught.value.reason, caught.value.message) == ("bad_title", "The title is too long.")
    assert caught.value.fields == {"title": "≤ 500"}


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFound), (409, Conflict), (503, Unavailable), (500, GilfoyleError)]
)
def test_the_status_chooses_the_error(server: Any, samples: Any, status: int, kind: type[GilfoyleError]) -> None:
    server.raw = (status, json.dumps(samples.error("some_code", "Sorry.")).encode())
    with Gilfoyle(server.url) as client, pytest.raises(kind, match="Sorry"):
        client.medias.get(samples.ID)


@pytest.mark.parametrize(
    "body", [b"<html>hello</html>", b"\xff\xfe", b"[1]", b'{"detail": "Not Found"}', b'{"code": "ok"}', b""]
)
@pytest.mark.parametrize("status", [200, 404, 502])
def test_another_kind_of_server_is_recognised(server: Any, samples: Any, status: int, body: bytes) -> None:
    server.raw = (status, body)
    with Gilfoyle(server.url) as client, pytest.raises(Unavailable, match="not as a Gilfoyle server does"):
        client.medias.get(samples.ID)


def test_no_server_at_all_is_a_sentence_that_says_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with (
            Gilfoyle(url) as client,
            pytest.raises(Unavailable, match=r"Nothing answers at .* Does the server run\?"),
        ):
            client.medias.get("x")


def test_a_proxy_from_the_environment_is_not_asked_for_this_machine(
    server: Any, samples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with Gilfoyle(server.url) as client:
        assert client.medias.get(samples.ID).status == "Ready"


@pytest.mark.parametrize("typed", ["../healthz", "a/b", "..", "", "x?y=1", "é"])
def test_whatever_is_typed_as_an_id_stays_one_path_element(server: Any, typed: str) -> None:
    with Gilfoyle(server.url) as client, pytest.raises(NotFound):
        client.medias.get(typed)
    path = server.asked[-1].removeprefix("GET /v1/medias/")
    assert path
    assert not {"/", "?", "."} & set(path)


def test_a_list_that_is_cut_says_that_there_are_more(server: Any) -> None:
    result = CliRunner().invoke(app, ["list", "--limit", "1", "--status", "Ready", "--json", "--url", server.url])
    assert server.asked == ["GET /v1/medias?limit=2&status=Ready", "GET /v1/medias?limit=2&status=Ready&cursor=1"]
    assert len(json.loads(result.stdout)) == 1
    result = CliRunner().invoke(app, ["list", "--limit", "6", "--url", server.url])
    assert result.stderr == "There are more than 6; --limit shows them.\n"
    assert len(result.stdout.splitlines()) == 7


def test_more_than_a_page_is_fetched_page_by_page(server: Any) -> None:
    result = CliRunner().invoke(app, ["list", "--limit", "1000", "--json", "--url", server.url])
    assert len(json.loads(result.stdout)) == 7 and result.stderr == ""
    assert server.asked[:2] == ["GET /v1/medias?limit=100", "GET /v1/medias?limit=100&cursor=1"]


def test_json_is_what_the_server_has_given(server: Any, samples: Any) -> None:
    server.states = [samples.media("Ready", something_new={"of": "a later release"})]
    result = CliRunner().invoke(app, ["show", samples.ID, "--json", "--url", server.url])
    assert json.loads(result.stdout) == server.states[0]
