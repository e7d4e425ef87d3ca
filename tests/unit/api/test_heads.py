from __future__ import annotations

import h11
import pytest

from gilfoyle.api.heads import HEAD_BYTES, MOST_HEADERS, HeadReader


def read(*lines: str, body: str = "") -> h11.Request:
    reader = HeadReader()
    reader.receive_data(("\r\n".join([*lines, "", ""]) + body).encode("latin-1"))
    event = reader.next_event()
    assert isinstance(event, h11.Request)
    return event


def refused(*lines: str) -> tuple[int, str]:
    """Status and reason."""
    with pytest.raises(h11.RemoteProtocolError) as caught:
        read(*lines)
    return caught.value.error_status_hint, str(caught.value)


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
        ("*", "here.example", "*"),
    ],
)
def test_a_target_in_absolute_form_is_a_path_and_its_host(target: str, host: str, path: str) -> None:
    """RFC 9112, 3.2.2: a server must accept it, and its host counts, not the header."""
    request = read(f"OPTIONS {target} HTTP/1.1", "Host: here.example", "X-A: b")
    assert request.target.decode() == path
    assert dict(request.headers) == {b"host": host.encode(), b"x-a": b"b"}


@pytest.mark.parametrize("target", ["medias", "ftp://x/", "http://", "http:///medias", "http://u:p@x/", "http://x/#a"])
def test_a_target_that_is_neither_is_refused(target: str) -> None:
    assert refused(f"GET {target} HTTP/1.1", "Host: x")[0] == 400


@pytest.mark.parametrize(
    "headers",
    [
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("content-length: 0", "TRANSFER-ENCODING: chunked"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5, 6",),
        ("Content-Length: +5",),
        ("Content-Length: 0x5",),
        ("Content-Length: -1",),
        ("Content-Length:",),
        ("Content-Length : 5",),
        ("Host: y",),
    ],
)
def test_what_two_servers_may_read_differently_is_refused(headers: tuple[str, ...]) -> None:
    """RFC 9112, 6.3: else a request could be smuggled past a proxy."""
    assert refused("POST /medias HTTP/1.1", "Host: x", *headers)[0] == 400


@pytest.mark.parametrize("coding", ["gzip", "gzip, chunked", "identity", "chunked, chunked", "xchunked"])
def test_codings_that_we_do_not_know_are_refused(coding: str) -> None:
    assert refused("POST /medias HTTP/1.1", "Host: x", f"Transfer-Encoding: {coding}")[0] == 501


def test_chunks_are_not_for_http_1_0() -> None:
    assert refused("POST /medias HTTP/1.0", "Host: x", "Transfer-Encoding: chunked")[0] == 400


@pytest.mark.parametrize(
    "headers", [("Content-Length: 5", "Content-Length: 5"), ("Content-Length: 5, 5",), ("X-Long: a", " b")]
)
def test_what_is_odd_but_clear_is_accepted(headers: tuple[str, ...]) -> None:
    """RFC 9110, 8.6 and RFC 9112, 5.2."""
    assert read("POST /medias HTTP/1.1", "Host: x", *headers).target == b"/medias"


def test_heads_are_bounded_also_if_they_come_at_once() -> None:
    most = [f"X-{number}: a" for number in range(MOST_HEADERS - 1)]
    assert read("GET / HTTP/1.1", "Host: x", *most).target == b"/"
    status, reason = refused("GET / HTTP/1.1", "Host: x", *most, "X: one more")
    assert (status, reason) == (431, "A request may have 100 headers, and 65536 bytes of them.")
    assert refused("GET / HTTP/1.1", "Host: x", "X: " + "a" * HEAD_BYTES)[0] == 431
    assert refused("GET /" + "a" * HEAD_BYTES + " HTTP/1.1", "Host: x")[0] == 431


def test_a_head_without_end_is_refused() -> None:
    reader = HeadReader()
    reader.receive_data(b"GET / HTTP/1.1\r\nX: " + b"a" * HEAD_BYTES)
    with pytest.raises(h11.RemoteProtocolError) as caught:
        reader.next_event()
    assert caught.value.error_status_hint == 431
    assert reader.refused is caught.value
