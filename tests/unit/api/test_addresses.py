"""By which address a client knows the API, and whom that is believed."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.types import Scope

from gilfoyle.api.addresses import Addresses, app_path
from gilfoyle.config import ServerSettings
from gilfoyle.config.settings import Settings

PROXIED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "media.example.org", "X-Forwarded-Prefix": "/gf"}


def scope(headers: dict[str, str] | list[tuple[str, str]], client: str | None = "127.0.0.1", **more: Any) -> Scope:
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    return {
        "type": "http",
        "scheme": "http",
        "path": "/v1/medias",
        "headers": [(name.lower().encode(), value.encode()) for name, value in [("Host", "inside:8000"), *pairs]],
        "client": (client, 4000) if client else None,
        "server": ("127.0.0.1", 8000),
        **more,
    }


def base_url(headers: dict[str, str] | list[tuple[str, str]], client: str | None = "127.0.0.1", **server: Any) -> str:
    return Addresses(ServerSettings(**server)).base_url(scope(headers, client))


def test_without_a_proxy_it_is_the_requests_own() -> None:
    assert base_url({}) == "http://inside:8000"


def test_what_a_proxy_says() -> None:
    assert base_url(PROXIED) == "https://media.example.org/gf"


def test_the_setting_wins_over_all() -> None:
    assert base_url(PROXIED, public_url="https://films.example/tv") == "https://films.example/tv"


@pytest.mark.parametrize(
    "headers, expected",
    [
        ({"X-Forwarded-Proto": "https"}, "https://inside:8000"),
        ({"X-Forwarded-Host": "media.example.org:8443"}, "http://media.example.org:8443"),
        ({"X-Forwarded-Host": "[2001:db8::1]:8443"}, "http://[2001:db8::1]:8443"),
        ({"X-Forwarded-Prefix": "/gf"}, "http://inside:8000/gf"),
        ({"X-Forwarded-Prefix": "/a/b/"}, "http://inside:8000/a/b"),
        ({"X-Forwarded-Prefix": "/"}, "http://inside:8000"),
        ({"X-Forwarded-Prefix": ""}, "http://inside:8000"),
        # several proxies, one behind the other
        ({"X-Forwarded-Proto": "HTTPS, http", "X-Forwarded-Host": "a.example, b"}, "https://a.example"),
        ({"X-Forwarded-Prefix": "/a, /b"}, "http://inside:8000/a/b"),
        ([("X-Forwarded-Prefix", "/a"), ("X-Forwarded-Prefix", "/b/")], "http://inside:8000/a/b"),
        # what can't be is as if it was not there
        ({"X-Forwarded-Proto": "javascript"}, "http://inside:8000"),
        ({"X-Forwarded-Host": "evil.example/path"}, "http://inside:8000"),
        ({"X-Forwarded-Host": "user@evil.example"}, "http://inside:8000"),
        ({"X-Forwarded-Host": 'a"b'}, "http://inside:8000"),
        ({"X-Forwarded-Prefix": "gf"}, "http://inside:8000"),
        ({"X-Forwarded-Prefix": "//evil.example"}, "http://inside:8000"),
        ({"X-Forwarded-Prefix": "/a/../b"}, "http://inside:8000"),
        ({"X-Forwarded-Prefix": "/.."}, "http://inside:8000"),
        ({"X-Forwarded-Prefix": "/a?b"}, "http://inside:8000"),
        ({"X-Forwarded-Prefix": "/a b"}, "http://inside:8000"),
        ({"X-Forwarded-Prefix": "/" + "a" * 5000}, "http://inside:8000"),
        ({"X-Forwarded-Host": "a" * 300}, "http://inside:8000"),
    ],
)
def test_what_is_said_in_part_or_wrongly(headers: Any, expected: str) -> None:
    assert base_url(headers) == expected


@pytest.mark.parametrize(
    "client, proxies, trusted",
    [
        ("127.0.0.1", None, True),
        ("127.8.0.1", None, True),
        ("::1", None, True),
        ("::ffff:127.0.0.1", None, True),
        ("10.0.0.5", None, False),
        ("10.0.0.5", ["10.0.0.0/8"], True),
        ("10.0.0.5", ["10.0.0.1/8"], True),
        ("10.0.0.5", ["10.0.0.5"], True),
        ("10.0.0.6", ["10.0.0.5"], False),
        ("2001:db8::5", ["2001:db8::/32"], True),
        ("2001:db9::5", ["2001:db8::/32", "10.0.0.0/8"], False),
        ("127.0.0.1", [], False),
        ("203.0.113.9", ["*"], True),
        ("/run/socket", None, False),
        (None, None, False),
    ],
)
def test_who_is_believed(client: str | None, proxies: list[str] | None, trusted: bool) -> None:
    server = {} if proxies is None else {"trusted_proxies": proxies}
    expected = "https://media.example.org/gf" if trusted else "http://inside:8000"
    assert base_url(PROXIED, client, **server) == expected


@pytest.mark.parametrize(
    ("peer", "said", "proxies", "client"),
    [
        ("127.0.0.1", "203.0.113.9", None, "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9, 198.51.100.1", None, "198.51.100.1"),
        ("127.0.0.1", "203.0.113.9, 10.0.0.5, ::1", ["127.0.0.1", "::1", "10.0.0.0/8"], "203.0.113.9"),
        ("127.0.0.1", "10.0.0.4, 10.0.0.5", ["127.0.0.1", "10.0.0.0/8"], "10.0.0.4"),
        ("198.51.100.1", "203.0.113.9", None, "198.51.100.1"),
        ("127.0.0.1", "", None, "127.0.0.1"),
        ("127.0.0.1", "nonsense", None, "nonsense"),
        ("127.0.0.1", "203.0.113.9, ", None, "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9, 198.51.100.1", ["*"], "203.0.113.9"),
        (None, "203.0.113.9", None, ""),
    ],
)
def test_who_asks_by_way_of_proxies(peer: str | None, said: str, proxies: list[str] | None, client: str) -> None:
    server = {} if proxies is None else {"trusted_proxies": proxies}
    addresses = Addresses(ServerSettings.model_validate(server))
    assert addresses.client(scope({"X-Forwarded-For": said} if said else {}, peer)) == client


@pytest.mark.parametrize("wrong", ["localhost", "10.0.0.0/99", "10.0.0", "", "proxy.example"])
def test_a_proxy_that_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="must be an address or a network"):
        Settings.model_validate({"server": {"trusted_proxies": [wrong]}})


def test_the_hosts_of_this_server() -> None:
    addresses = Addresses(ServerSettings(public_url="https://Films.example/tv"))
    assert addresses.hosts(scope(PROXIED)) == {"inside:8000", "media.example.org", "films.example"}
    assert Addresses(ServerSettings()).hosts(scope(PROXIED, "10.0.0.5")) == {"inside:8000"}


@pytest.mark.parametrize(
    "root, path, below",
    [
        ("", "/stream/x", "/stream/x"),
        ("/gf", "/gf/stream/x", "/stream/x"),
        ("/gf", "/stream/x", "/stream/x"),
        ("/gf", "/gfs/stream/x", "/gfs/stream/x"),
    ],
)
def test_the_path_below_where_the_app_is_mounted(root: str, path: str, below: str) -> None:
    assert app_path({"root_path": root, "path": path}) == below
