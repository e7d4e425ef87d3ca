from __future__ import annotations

import pytest

from gilfoyle.config import ServerSettings, load
from gilfoyle.config.auth import AuthSettings
from gilfoyle.config.text import masked, render
from gilfoyle.errors import ConfigError

LOOPBACK = ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST", "a.localhost"]
PUBLIC = ["0.0.0.0", "::", "10.0.0.1", "192.168.1.5", "media.example.org", ""]


@pytest.mark.parametrize("host", LOOPBACK)
def test_on_loopback_no_key_is_asked_for_unless_one_wants_it(host: str) -> None:
    assert not AuthSettings().asks(host)
    assert AuthSettings(enabled=True).asks(host)
    AuthSettings(enabled=False).check(host)


@pytest.mark.parametrize("host", PUBLIC)
def test_elsewhere_keys_are_asked_for(host: str) -> None:
    assert AuthSettings().asks(host)
    AuthSettings().check(host)
    with pytest.raises(ConfigError, match="gilfoyle keys create"):
        AuthSettings(enabled=False).check(host)
    AuthSettings(enabled=False, allow_open=True).check(host)
    assert not AuthSettings(enabled=False, allow_open=True).asks(host)


def test_the_environment_may_say_it() -> None:
    key = "k" * 20
    settings = load(None, {"GILFOYLE_AUTH__ENABLED": "true", "GILFOYLE_AUTH__ADMIN_KEY": key, "GILFOYLE_API_KEY": "x"})
    assert settings.auth.enabled is True
    assert settings.auth.admin_key.get_secret_value() == key
    assert key not in render(masked(settings)) and key not in repr(settings)


@pytest.mark.parametrize("key", ["short", "k" * 19, "with spaces in it, many", "ünïcödé-ünïcödé-ünïcödé"])
def test_a_first_key_must_be_long_and_such_as_a_header_takes(key: str) -> None:
    with pytest.raises(ConfigError, match="openssl rand") as caught:
        load(None, {"GILFOYLE_AUTH__ADMIN_KEY": key})
    assert key not in str(caught.value)


@pytest.mark.parametrize("enabled", ["yes please", "1.5", "off-ish"])
def test_what_enabled_can_not_be(enabled: str) -> None:
    with pytest.raises(ConfigError, match=r"auth\.enabled"):
        load(None, {"GILFOYLE_AUTH__ENABLED": enabled})


@pytest.mark.parametrize(
    ("host", "public", "exposed"),
    [
        ("127.0.0.1", "", False),
        ("127.0.0.1", "http://localhost:8000", False),
        ("127.0.0.1", "https://media.example.org", True),
        ("0.0.0.0", "https://media.example.org", False),
    ],
)
def test_a_proxy_may_bring_others(host: str, public: str, exposed: bool) -> None:
    server = ServerSettings(host=host, public_url=public)
    assert AuthSettings().is_exposed(server.host, server.public_url) is exposed
    assert not AuthSettings(enabled=False).is_exposed(server.host, server.public_url)
    assert not AuthSettings(enabled=True).is_exposed(server.host, server.public_url)
