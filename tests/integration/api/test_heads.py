"""Which heads of requests reach an application, and as what: bytes on a socket, told by an application."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from gilfoyle.api.heads import HEAD_BYTES, MOST_HEADERS
from gilfoyle.config import ServerSettings
from tests.integration.api.conftest import serving


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers with what arrived."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    told = {name: scope[name] for name in ("method", "path", "http_version")}
    told["target"] = (scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")).decode()
    told["headers"] = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
    content = json.dumps({**told, "body": body.decode("latin-1")}).encode()
    headers = [(b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving(echo, ServerSettings(port=0)) as url:
        yield int(url.rpartition(":")[2])


def exchange(port: int, request: bytes, count: int = 1) -> list[tuple[int, Any]]:
    """Status and JSON of so many answers, and of what else the server had already sent."""
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(request)
        received, answers = b"", list[tuple[int, Any]]()
        while received or len(answers) < count:
            head, found, rest = received.partition(b"\r\n\r\n")
            lines = head.decode().lower().split("\r\n")
            length = next((int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")), 0)
            if found and len(rest) >= length:
                answers.append((int(lines[0].split()[1]), json.loads(rest[:length])))
                received = rest[length:]
            else:
                piece = client.recv(1 << 16)
                assert piece, f"closed after {len(answers)} answers and {received!r}"
                received += piece
    return answers


def ask(port: int, *lines: str, body: bytes = b"") -> tuple[int, Any]:
    (answer,) = exchange(port, "\r\n".join([*lines, "", ""]).encode("latin-1") + body)
    return answer


@pytest.mark.parametrize(
    ("target", "host", "path"),
    [
        ("http://films.example/medias?q=a/b", "films.example", "/medias?q=a/b"),
        ("HTTPS://films.example:8443/a//b", "films.example:8443", "/a//b"),
        ("http://films.example", "films.example", "/"),
        ("http://films.example?limit=1", "films.example", "/?limit=1"),
        ("http://[::1]:8000/healthz", "[::1]:8000", "/healthz"),
        ("/medias?u=http://x/", "here.example", "/medias?u=http://x/"),
        ("//medias", "here.example", "//medias"),
        ("/a%20b/%C3%A9?c=%20", "here.example", "/a%20b/%C3%A9?c=%20"),
        ("*", "here.example", "*"),
    ],
)
def test_a_target_in_absolute_form_is_a_path_and_its_host(port: int, target: str, host: str, path: str) -> None:
    """RFC 9112, 3.2.2: a server must accept it, and its host counts, not the header."""
    status, told = ask(port, f"OPTIONS {target} HTTP/1.1", "Host: here.example", "X-A: b")
    assert (status, told["target"], told["headers"]) == (200, path, {"host": host, "x-a": "b"})


def test_the_path_is_decoded(port: int) -> None:
    assert ask(port, "GET /a%20b/%C3%A9 HTTP/1.1", "Host: x")[1]["path"] == "/a b/é"


@pytest.mark.parametrize(
    "target", ["medias", "ftp://x/", "http://", "http:///medias", "http://u:p@x/", "http://x/#a", "/\xff", "/a b"]
)
def test_a_target_that_is_neither_is_refused(port: int, target: str) -> None:
    assert ask(port, f"GET {target} HTTP/1.1", "Host: x")[0] == 400


@pytest.mark.parametrize(
    "headers",
    [
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("content-length: 0", "TRANSFER-ENCODING: chunked"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5", "Content-Length: 5"),
        ("Content-Length: 5, 6",),
        ("Content-Length: 5, 5",),
        ("Content-Length: +5",),
        ("Content-Length: 0x5",),
        ("Content-Length: -1",),
        ("Content-Length:",),
        ("Content-Length: 99999999999999999999",),
        ("Content-Length : 5",),
        ("Host: y",),
        ("X-Long: a", " b"),
        ("X-No-Colon",),
        ("X-Nul: \x00",),
        (": y",),
    ],
)
def test_what_two_servers_may_read_differently_is_refused(port: int, headers: tuple[str, ...]) -> None:
    """RFC 9112, 5 and 6.3: else a request could be smuggled past a proxy. What follows is not read as a request."""
    status, told = ask(port, "POST /medias HTTP/1.1", "Host: x", *headers, body=b"hello" + b"GET / HTTP/1.1\r\n\r\n")
    assert (status, told["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("coding", ["gzip", "gzip, chunked", "identity", "chunked, chunked", "xchunked", ""])
def test_codings_that_we_do_not_know_are_refused(port: int, coding: str) -> None:
    assert ask(port, "POST /medias HTTP/1.1", "Host: x", f"Transfer-Encoding: {coding}")[0] == 501


@pytest.mark.parametrize(("version", "status"), [("1.0", 400), ("2.0", 505), ("1.2", 400), ("0.9", 505)])
def test_chunks_are_for_http_1_1(port: int, version: str, status: int) -> None:
    assert ask(port, f"POST /medias HTTP/{version}", "Host: x", "Transfer-Encoding: chunked")[0] == status


def test_a_body_in_chunks(port: int) -> None:
    lines = ("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked")
    status, told = ask(port, *lines, body=b"5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX-Trailer: y\r\n\r\n")
    assert (status, told["body"]) == (200, "hello!")
    assert "x-trailer" not in told["headers"]


def test_one_request_after_another_on_one_connection(port: int) -> None:
    first = b"POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    answers = exchange(port, first + b"\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n" + first, 3)
    assert [(told["path"], told["body"]) for _status, told in answers] == [("/1", "abc"), ("/2", ""), ("/1", "abc")]


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
def test_an_offer_of_another_protocol_is_passed_over(port: int, protocol: str) -> None:
    """RFC 9110, 7.8. curl --http2 makes one, also with a body."""
    offer = (
        b"Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: %b\r\nHTTP2-Settings: AAM\r\n" % protocol.encode()
    )
    post = b"POST /1 HTTP/1.1\r\n" + offer + b"Content-Length: 3\r\n\r\nabc"
    answers = exchange(port, post + b"GET /2 HTTP/1.1\r\n" + offer + b"\r\n" + post, 3)
    assert [(told["path"], told["body"]) for _status, told in answers] == [("/1", "abc"), ("/2", ""), ("/1", "abc")]


def test_heads_are_bounded_also_if_they_come_at_once(port: int) -> None:
    most = [f"X-{number}: a" for number in range(MOST_HEADERS - 1)]
    assert ask(port, "GET / HTTP/1.1", "Host: x", *most)[0] == 200
    status, told = ask(port, "GET / HTTP/1.1", "Host: x", *most, "X: one more")
    assert (status, told["message"]) == (431, "A request may have 100 headers, and 65536 bytes of them.")
    assert ask(port, "GET / HTTP/1.1", "Host: x", "X: " + "a" * HEAD_BYTES)[0] == 431
    assert ask(port, "GET /" + "a" * HEAD_BYTES + " HTTP/1.1", "Host: x")[0] == 431


@pytest.mark.parametrize("begun", [b"GET / HTTP/1.1\r\nX: ", b"GET /", b"GET / HTTP/1.1\r\nX"])
def test_a_head_without_end_is_refused(port: int, begun: bytes) -> None:
    ((status, _told),) = exchange(port, begun + b"a" * (HEAD_BYTES + 1))
    assert status == 431


def test_trailers_are_bounded(port: int) -> None:
    lines = ("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked")
    trailers = b"".join(b"X-%d: y\r\n" % number for number in range(MOST_HEADERS + 1))
    assert ask(port, *lines, body=b"0\r\n" + trailers + b"\r\n")[0] == 431
