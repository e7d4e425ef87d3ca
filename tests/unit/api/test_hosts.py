from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse

from gilfoyle.api.hosts import CheckHosts, host_of, is_loopback
from gilfoyle.config import ServerSettings


async def answer(asked: str | None, **server: Any) -> httpx.Response:
    """What a server with these settings answers to who addresses it as `asked`."""
    transport = httpx.ASGITransport(CheckHosts(PlainTextResponse("ok"), ServerSettings(**server)))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        request = client.build_request("GET", "/v1/medias")
        if asked is None:
            del request.headers["Host"]
        else:
            request.headers["Host"] = asked
        return await client.send(request)


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8000", "LOCALHOST.", "films.localhost:1", "127.0.0.1:8000", "127.0.0.53", "[::1]:8000",
     "[::1]", "192.168.1.5:8000", "0.0.0.0", "", None],
)  # fmt: skip
@pytest.mark.parametrize("listening", ["127.0.0.1", "::1", "localhost"])
async def test_this_machine_is_reached_by_its_own_names(listening: str, host: str | None) -> None:
    assert (await answer(host, host=listening)).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "xlocalhost",
     "user@127.0.0.1", "127.0.0.1:8000@evil.example", "[::1", "[::1].evil.example", "::1", "a b", "[evil.example]",
     "2130706433", "0x7f.1", "127.1"],
)  # fmt: skip
@pytest.mark.parametrize("listening", ["127.0.0.1", "::1", "localhost"])
async def test_a_foreign_name_is_refused_on_loopback(listening: str, host: str) -> None:
    found = await answer(host, host=listening)
    assert (found.status_code, found.json()["code"]) == (421, "misdirected")
    assert found.json()["message"] == f"This server is not {host}: if it is, name it in server.allowed_hosts."
    assert found.headers["Connection"] == "close"


async def test_a_proxy_may_hand_the_public_name_on() -> None:
    public = {"public_url": "https://Media.example.org:8443/gf"}
    assert (await answer("media.example.org:8443", **public)).status_code == 200
    assert (await answer("evil.example", **public)).status_code == 421
    assert (await answer("evil.example", host="0.0.0.0", **public)).status_code == 200


async def test_a_long_name_is_cut() -> None:
    assert len((await answer("x" * 5000)).content) < 300


async def test_elsewhere_any_name_will_do_unless_names_are_set() -> None:
    assert (await answer("media.example.org", host="0.0.0.0")).status_code == 200
    named = {"host": "0.0.0.0", "allowed_hosts": ["Media.example.org"]}
    assert (await answer("media.example.org:443", **named)).status_code == 200
    assert (await answer("10.0.0.7:8000", **named)).status_code == 200  # as Kubernetes' probes do
    assert (await answer("evil.example", **named)).status_code == 421
    named["host"] = "Films.lan"  # under its own name it can always be asked whether it is ready
    assert (await answer("films.lan:8000", **named)).status_code == 200


async def test_hosts_can_be_allowed_on_loopback() -> None:
    """For a proxy on the same machine that hands the Host header on."""
    assert (await answer("media.example.org", allowed_hosts=["media.example.org"])).status_code == 200
    assert (await answer("evil.example", allowed_hosts=["media.example.org"])).status_code == 421
    assert (await answer("evil.example", allowed_hosts=["*"])).status_code == 200


@pytest.mark.parametrize(
    ("header", "host"),
    [("A.example:80", "a.example"), ("[FE80::1]:8000", "fe80::1"), ("a.example:", "a.example"), (":80", None),
     ("a:b:c", None), ("a.example:80x", None), ("", None)],
)  # fmt: skip
def test_a_host_without_its_port(header: str, host: str | None) -> None:
    assert host_of(header) == host


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("10.0.0.1", False), ("media.lan", False)],
)  # fmt: skip
def test_what_is_loopback(host: str, alone: bool) -> None:
    assert is_loopback(host) is alone
