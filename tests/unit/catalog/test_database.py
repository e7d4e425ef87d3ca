from __future__ import annotations

from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict

from gilfoyle.catalog.database import Database, driver_url
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


@pytest.mark.parametrize("folder", ["/tmp/my films/socket", "/tmp/gf +%41ü", "/tmp/it's\\here"])
def test_lookups_find_the_socket_where_sessions_do(folder: str) -> None:
    """In a folder whose name has characters that a URL writes otherwise."""
    database = Database(f"postgresql://gilfoyle:p%40ss@/films?host={quote(folder)}")
    assert conninfo_to_dict(database.conninfo) == {
        "host": folder, "dbname": "films", "user": "gilfoyle", "password": "p@ss",
    }  # fmt: skip
