"""Requests to where others say, against a real server on this machine: a trap for all that must not reach it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from ipaddress import ip_address

import pytest

from gilfoyle.errors import FetchFailed, InvalidRequest, TooLarge
from gilfoyle.net.addresses import Address
from gilfoyle.net.fetch import MOST_REDIRECTS, Fetcher, body

HERE = ["127.0.0.0/8", "::1"]
PUBLIC = ip_address("93.184.216.34")


class Server:
    """Answers what a test says, and counts who connects."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.requests: list[str] = []
        self.answer: Callable[[str], str | bytes] = lambda path: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                self.requests.append(head)
                answer = self.answer(head.split()[1])
                writer.write(answer.encode() if isinstance(answer, str) else answer)
                await writer.drain()
                if "Content-Length" not in str(answer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def redirecting(self, *places: str) -> None:
        """The path /0 leads to the first of the places, /1 to the next; beyond them is what was sought."""

        def answer(path: str) -> str:
            step = int(path[1:])
            if step < len(places):
                return f"HTTP/1.1 302 Found\r\nLocation: {places[step]}\r\nContent-Length: 0\r\n\r\n"
            return "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfound"

        self.answer = answer


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """On 127.0.0.1 and, where there is IPv6, on ::1."""
    server = Server()
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        async with AsyncExitStack() as stack:
            with suppress(OSError):
                await stack.enter_async_context(await asyncio.start_server(server.serve, "::1", server.port))
            yield server


@pytest.fixture
async def trap() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


@pytest.fixture(scope="module")
async def strict() -> AsyncIterator[Fetcher]:
    """Allows nothing that is not public. (One for all: reading the system's certificates takes a while.)"""
    async with Fetcher() as fetcher:
        yield fetcher


@pytest.fixture(scope="module")
async def lenient() -> AsyncIterator[Fetcher]:
    """Allows one name, and knows a few."""
    async with Fetcher(["hooks.internal"], named) as fetcher:
        yield fetcher


async def named(host: str, port: int) -> Sequence[Address]:
    """A resolver with a few names, for what no test may ask the network about."""
    addresses = {
        "here.test": ["127.0.0.1"],
        "0x7f.1": ["127.0.0.1"],  # as the system would say
        "mixed.test": [str(PUBLIC), "127.0.0.1"],
        "mapped.test": ["::ffff:127.0.0.1"],
        "metadata.test": ["169.254.169.254"],
        "hooks.internal": ["127.0.0.1"],
    }
    if (name := host.removesuffix(".")) not in addresses:
        raise OSError(f"nobody is called {host}")
    return [ip_address(each) for each in addresses[name]]


HOSTS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "0177.0.0.1",
    "0177.0.0.01",
    "017700000001",
    "127.0.0.1.",
    "127.000.000.001",
    "127.127.127.127",
    "0",
    "0.0.0.0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[fe80::1%25lo]",
    "[fe80::1%lo]",
    "[::1%25lo]",
    "[fec0::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "255.255.255.255",
    "224.0.0.1",
    "１２７.０.０.１",
    "127。0。0。1",
    "①②⑦.⓪.⓪.①",
    "ⓛocalhost",
    "%31%32%37.0.0.1",
    "127.0.0.1%00.example.org",
    "user@127.0.0.1",
    "example.org@127.0.0.1",
    "example.org:80@127.0.0.1",
    "127.0.0.1\\@example.org",
    "example.org\\@127.0.0.1",
    "127.0.0.1\t",
    " 127.0.0.1",
    "127.0.0.1#@example.org",
    "",
]


@pytest.mark.parametrize("host", HOSTS)
async def test_no_form_of_an_address_leads_here(host: str, trap: Server, strict: Fetcher) -> None:
    url = f"http://{host}:{trap.port}/0"
    with pytest.raises((InvalidRequest, FetchFailed)) as refused:
        await strict.check(url)
    with pytest.raises((InvalidRequest, FetchFailed)):
        await strict.call("POST", url, headers={}, timeout_s=2, most_bytes=10)
    with pytest.raises((InvalidRequest, FetchFailed)):
        async with strict.open(url):
            pass
    assert trap.connections == 0
    assert refused.value.message.endswith(".")
    assert refused.value.reason in ("url_refused", "fetch_failed")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "file://127.0.0.1/etc/passwd",
        "gopher://127.0.0.1:6379/_INFO",
        "ftp://example.org/film.mp4",
        "dict://127.0.0.1:11211/stats",
        "data:text/plain,film",
        "ws://example.org/",
        "unix:///var/run/docker.sock",
        "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
        "javascript:alert(1)",
        "//example.org/film.mp4",
        "/etc/passwd",
        "example.org",
        "http:///film.mp4",
        "http://",
        "http://[::1",
        "http://example.org:99999999/",
        "https://example.org/" + "a" * 3000,
        "http://exa\x00mple.org/",
        "",
    ],
)
async def test_only_http_urls(url: str, lenient: Fetcher) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await lenient.check(url)
    assert refused.value.reason == "url_refused"
    assert "url" in refused.value.fields


@pytest.mark.parametrize("name", ["here.test", "mixed.test", "mapped.test", "metadata.test", "here.test."])
async def test_one_address_that_is_not_public_is_enough(name: str, trap: Server, lenient: Fetcher) -> None:
    with pytest.raises(InvalidRequest, match="not public"):
        await lenient.call("GET", f"http://{name}:{trap.port}/0", headers={}, timeout_s=2, most_bytes=10)
    assert trap.connections == 0


async def test_a_name_that_is_bound_anew_gains_nothing(trap: Server) -> None:
    """Public when it is asked for first, here when it is asked for again: it is asked for once for each connection."""
    asked = 0

    async def rebinding(host: str, port: int) -> Sequence[Address]:
        nonlocal asked
        asked += 1
        return [PUBLIC if asked == 1 else ip_address("127.0.0.1")]

    async with Fetcher(resolver=rebinding) as fetcher:
        await fetcher.check(f"http://rebinding.test:{trap.port}/0")
        with pytest.raises(InvalidRequest, match="not public"):
            await fetcher.call("GET", f"http://rebinding.test:{trap.port}/0", headers={}, timeout_s=2, most_bytes=10)
        asked = 0
        with pytest.raises(FetchFailed):  # the public address, with which nobody here can speak
            await fetcher.call("GET", f"http://rebinding.test:{trap.port}/0", headers={}, timeout_s=0.3, most_bytes=10)
    assert asked == 1
    assert trap.connections == 0


@pytest.mark.parametrize("hop", range(MOST_REDIRECTS))
@pytest.mark.parametrize(
    "place", ["http://[::1]:{port}/1", "http://0x7f.1:{port}/1", "file:///etc/passwd", "gopher://[::1]/"]
)
async def test_each_redirect_is_checked(hop: int, place: str, trap: Server, lenient: Fetcher) -> None:
    async with serving() as open_server:
        places = [f"http://hooks.internal:{open_server.port}/{step + 1}" for step in range(hop)]
        open_server.redirecting(*places, place.format(port=trap.port))
        with pytest.raises((InvalidRequest, FetchFailed)) as refused:
            async with lenient.open(f"http://hooks.internal:{open_server.port}/0"):
                pass
        assert len(open_server.requests) == hop + 1
        assert refused.value.reason in ("url_refused", "fetch_failed")
    assert trap.connections == 0


async def test_five_redirects_are_followed(trap: Server) -> None:
    async with Fetcher(HERE) as fetcher:
        trap.redirecting(*(f"/{step + 1}" for step in range(5)))
        async with fetcher.open(f"http://127.0.0.1:{trap.port}/0") as response:
            assert b"".join([chunk async for chunk in body(response, 100)]) == b"found"
        trap.redirecting(*(f"/{step + 1}" for step in range(6)))
        with pytest.raises(InvalidRequest, match="redirects once more"):
            async with fetcher.open(f"http://127.0.0.1:{trap.port}/0"):
                pass


async def test_another_server_is_not_told_what_the_first_was(trap: Server) -> None:
    async with serving() as other, Fetcher(HERE) as fetcher:
        other.redirecting()
        trap.redirecting(f"http://127.0.0.1:{other.port}/9")
        async with fetcher.open(
            f"http://127.0.0.1:{trap.port}/0", headers={"Authorization": "Bearer key", "Range": "bytes=5-"}
        ):
            pass
        assert "Bearer key" in trap.requests[0] and "bytes=5-" in trap.requests[0]
        assert "Bearer key" not in other.requests[0] and "bytes=5-" in other.requests[0]


async def test_a_call_follows_no_redirect(trap: Server) -> None:
    async with Fetcher(HERE) as fetcher:
        trap.redirecting("/1")
        answer = await fetcher.call("POST", f"http://127.0.0.1:{trap.port}/0", headers={}, timeout_s=5, most_bytes=10)
    assert (answer.status, answer.redirects_to, len(trap.requests)) == (302, "/1", 1)


async def test_what_an_operator_allows_by_name(trap: Server) -> None:
    async with Fetcher(["hooks.internal"], named) as fetcher:
        answer = await fetcher.call(
            "POST", f"http://hooks.internal:{trap.port}/0", headers={}, content=b"{}", timeout_s=5, most_bytes=1
        )
        assert (answer.status, answer.body) == (200, b"o")
        with pytest.raises(InvalidRequest):
            await fetcher.call("GET", f"http://here.test:{trap.port}/0", headers={}, timeout_s=5, most_bytes=1)


async def test_the_environment_s_proxies_are_not_asked(trap: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{trap.port}")
    async with Fetcher(resolver=named) as fetcher:
        with pytest.raises(FetchFailed):
            await fetcher.call("GET", "http://nobody.test/", headers={}, timeout_s=2, most_bytes=10)
    assert trap.connections == 0


async def test_a_server_that_takes_its_time_or_breaks_off(trap: Server) -> None:
    url = f"http://127.0.0.1:{trap.port}/0"
    async with Fetcher(HERE) as fetcher:
        trap.answer = lambda path: b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
        with pytest.raises(FetchFailed, match="did not answer in time"):
            await fetcher.call("GET", url, headers={}, timeout_s=0.3, most_bytes=10)
        trap.answer = lambda path: b"this is no HTTP"
        with pytest.raises(FetchFailed, match="can't be reached"):
            await fetcher.call("GET", url, headers={}, timeout_s=5, most_bytes=10)
    async with Fetcher(HERE) as fetcher:
        with pytest.raises(FetchFailed, match=r"can't be reached: .*[^.]\.$"):
            await fetcher.call("GET", "http://127.0.0.1:1/", headers={}, timeout_s=5, most_bytes=10)


async def test_a_body_has_a_limit(trap: Server) -> None:
    url = f"http://127.0.0.1:{trap.port}/0"
    async with Fetcher(HERE) as fetcher:
        for answer in (
            b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n",
        ):
            trap.answer = lambda path, answer=answer: answer  # type: ignore[misc]
            async with fetcher.open(url) as response:
                with pytest.raises(TooLarge):
                    async for _ in body(response, 10):
                        pass
            async with fetcher.open(url) as response:
                assert b"".join([chunk async for chunk in body(response, 11)]) == b"hello world"
