from __future__ import annotations

import pytest

from gilfoyle.catalog.database import driver_url
from gilfoyle.errors import ConfigError


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://host/db", "postgresql://host:port/db"])
def test_a_wrong_url_is_a_config_error(url: str) -> None:
    with pytest.raises(ConfigError, match=r"database\.url"):
        driver_url(url)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("postgresql://user@server:5433/name", "server"),
        ("postgres://user:pass%40word@server/name", "server"),
        ("postgresql+psycopg://user@server/name", "server"),
        ("postgresql://user@/name?host=/run/socket", None),
    ],
)
def test_the_driver_is_psycopg_whatever_the_scheme(url: str, host: str | None) -> None:
    parsed = driver_url(url)
    assert (parsed.drivername, parsed.host, parsed.database) == ("postgresql+psycopg", host, "name")
    assert parsed.password in (None, "pass@word")
    assert parsed.query.get("host") == (None if host else "/run/socket")
