"""The benchmark's own server keeps to itself."""

from __future__ import annotations

from bench.server import environment
from gilfoyle.config import Settings, load


def test_it_never_reaches_a_real_catalog_or_storage() -> None:
    user = {
        "PATH": "/bin",
        "GILFOYLE_DATABASE__URL": "postgresql://real/catalog",
        "GILFOYLE_TEMPORAL__ADDRESS": "cluster:7233",
        "GILFOYLE_STORAGE__FILESYSTEM__PATH": "/real",
        "GILFOYLE_WORKERS__THREADS": "3",
    }
    settings = load(None, environment(user))
    assert settings.database.url == Settings().database.url
    assert settings.temporal.address == Settings().temporal.address
    assert settings.storage == Settings().storage
    assert settings.workers.threads == 3
    assert environment(user)["PATH"] == "/bin"
