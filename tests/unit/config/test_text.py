"""Settings as text: complete, commented, loadable, without secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gilfoyle.config import Settings, load
from gilfoyle.config.text import DEFAULTS_HEADER, consequences, mask_url, masked, render, scalar, walk

ROOT = Path(__file__).parents[3]


def test_the_repositorys_config_is_what_the_command_prints() -> None:
    assert (ROOT / "config.yaml").read_text() == render(Settings(), DEFAULTS_HEADER), (
        "run: python -m gilfoyle config show --defaults > config.yaml"
    )


def test_the_repositorys_config_changes_nothing() -> None:
    assert load(ROOT / "config.yaml", {}) == Settings()


def test_every_setting_stands_under_its_description() -> None:
    lines = [line.strip() for line in render(Settings()).splitlines()]
    for name, description in walk():
        if "[]." not in name:
            index = lines.index(f"# {description}")
            following = next(line for line in lines[index + 1 :] if not line.startswith("#"))
            assert following.split(":")[0] == name.rsplit(".", 1)[-1]
        else:
            assert f"#   {name.rsplit('.', 1)[-1]}: {description}" in lines


def test_changed_settings_survive_the_round_trip(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "server": {"host": "::1", "cors_origins": []},
            "temporal": {"api_key": "a: b # c\n\t'\"é", "namespace": "yes"},
            "encoding": {"video": [{"height": 240, "max_kbps": 300, "crf": 21.5}], "head": 1e-05},
            "storage": {"filesystem": {"path": "/srv/with space"}},
            "limits": {"duration_s": 1e9},
        }
    )
    (tmp_path / "c.yaml").write_text(render(settings))
    assert load(tmp_path / "c.yaml", {}) == settings


def test_items_of_a_list_stand_one_to_a_line() -> None:
    assert "    - {height: 1080, max_kbps: 5000, crf: 21, codec: h264}\n" in render(Settings())


@pytest.mark.parametrize(
    ("value", "text"), [(43200.0, "43200"), (0.5, "0.5"), ("", "''"), ("a b", "a b"), (["*"], "['*']"), (True, "true")]
)
def test_scalars(value: object, text: str) -> None:
    assert scalar(value) == text
    assert yaml.safe_load(text) == value


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://gilfoyle@localhost/gilfoyle", "postgresql://gilfoyle@localhost/gilfoyle"),
        ("postgresql://u:p@h:5432/db", "postgresql://u:***@h:5432/db"),
        ("postgresql://u:p:q@r@h/db", "postgresql://u:***@h/db"),
        ("postgresql://h/db?user=u&password=p&sslmode=require", "postgresql://h/db?user=u&password=***&sslmode=require"),
        ("host=h password=p", "***"),
        ("postgresql://u:p@[h/db", "***"),
    ],
)  # fmt: skip
def test_passwords_are_masked_wherever_they_stand(url: str, shown: str) -> None:
    assert mask_url(url) == shown


def test_masked_settings_hold_no_secret_and_are_otherwise_the_same() -> None:
    settings = Settings.model_validate(
        {"temporal": {"api_key": "hunter2"}, "database": {"url": "postgresql://u:hunter2@h/d", "pool_size": 3}}
    )
    text = render(masked(settings))
    assert "hunter2" not in text
    assert "pool_size: 3" in text
    assert masked(Settings()) == Settings()


def test_encryption_keys_are_counted_and_the_first_is_named() -> None:
    keys = [f"{name}:{'hunter2+' * 5}hs8=" for name in ("2026", "2025")]
    settings = Settings.model_validate({"temporal": {"encryption_keys": keys}})
    assert "encryption_keys: ['***', '***']" in render(masked(settings))
    told = dict(consequences(settings))["Temporal"]
    assert told.endswith("encrypted by the key 2026") and "hunter2" not in told
    assert "hunter2" not in repr(settings)


def test_no_secret_of_a_storage_is_shown() -> None:
    values = {
        "s3": {
            "bucket": "films",
            "access_key_id": "AKsecret",
            "secret_access_key": "secret+/1=",
            "session_token": "secret",
        },
        "ipfs": {"api": "http://user:secret@kubo:5001"},
        "options": {"password": "secret", "size": 3},
    }
    text = render(masked(Settings.model_validate({"storage": values})))
    assert "secret" not in text.replace("secret_access_key", "")
    assert "films" in text
    assert "http://user:***@kubo:5001" in text


@pytest.mark.parametrize(
    ("storage", "place"),
    [
        ({"filesystem": {"path": "/mnt/media"}}, "files in /mnt/media"),
        (
            {"driver": "s3", "s3": {"bucket": "films", "prefix": "a/b", "endpoint": "http://minio:9000"}},
            "bucket films/a/b at http://minio:9000, players by proxy",
        ),
        (
            {"driver": "ipfs", "ipfs": {"api": "http://u:secret@kubo:5001"}},
            "folder /gilfoyle of the IPFS node at http://u:***@kubo:5001",
        ),
        ({"driver": "flat"}, "the backend flat of another package"),
    ],
)
def test_what_follows_names_the_place_of_new_medias(storage: dict[str, object], place: str) -> None:
    assert dict(consequences(Settings.model_validate({"storage": storage})))["storage"] == place


def test_an_ipv6_address_has_its_brackets() -> None:
    settings = Settings.model_validate({"server": {"host": "::1"}})
    assert dict(consequences(settings))["API"] == "http://[::1]:8000"
