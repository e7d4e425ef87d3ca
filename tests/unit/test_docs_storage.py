"""docs/storage.md shows what there is: every YAML block is a config, every rule JSON, every name a setting's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr

from gilfoyle.config import Settings, load
from gilfoyle.storage import drivers
from gilfoyle.storage.s3.client import make_client
from gilfoyle.storage.s3.errors import translate

PAGE = (Path(__file__).parents[2] / "docs" / "storage.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def read(block: str, folder: Path) -> Settings:
    """A block as Gilfoyle reads a file: an unknown name or a value out of bounds raises."""
    file = folder / "config.yaml"
    file.write_text(block, encoding="utf-8")
    return load(file, {})


@pytest.mark.parametrize("block", blocks("yaml"))
def test_every_yaml_block_is_a_config_without_keys(block: str, tmp_path: Path) -> None:
    storage = read(block, tmp_path).storage
    assert storage.driver in drivers.names()
    assert not (storage.s3.access_key_id or storage.s3.secret_access_key or storage.s3.session_token)


def test_the_blocks_show_all_backends(tmp_path: Path) -> None:
    assert {read(block, tmp_path).storage.driver for block in blocks("yaml")} == {"filesystem", "s3", "ipfs"}


@pytest.mark.parametrize("block", [block for block in blocks("yaml") if "driver: s3" in block])
def test_every_s3_recipe_can_be_used(block: str, tmp_path: Path) -> None:
    """Names and bounds alone don't say that: boto3 takes the settings, with a key from elsewhere."""
    key = {"access_key_id": "a-key", "secret_access_key": SecretStr("of-this-test")}
    make_client(read(block, tmp_path).storage.s3.model_copy(update=key)).close()


@pytest.mark.parametrize("rule", blocks("json") + re.findall(r"'([\[{][^']*[\]}])'", PAGE))
def test_every_rule_is_json(rule: str) -> None:
    assert json.loads(rule)


def test_the_policy_grants_what_a_denial_asks_for() -> None:
    (policy,) = [json.loads(block) for block in blocks("json") if "Statement" in block]
    granted = {action for statement in policy["Statement"] for action in statement["Action"]}
    denied = translate(ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject"), "It fails", Settings().storage.s3)
    assert granted == set(re.findall(r"s3:\w+", denied.message))


@pytest.mark.parametrize("variable", re.findall(r"\bGILFOYLE_[A-Z0-9_]+", PAGE))
def test_every_variable_sets_something(variable: str) -> None:
    load(None, {variable: "http://a.test", "GILFOYLE_CONFIG": "/dev/null"})


@pytest.mark.parametrize("section", ["Serving", "Tuning"])
def test_every_setting_in_a_table_exists(section: str) -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE.partition(f"### {section}\n")[2].partition("\n#")[0], re.MULTILINE)
    names = {name for row in rows for name in re.findall(r"`([a-z_]+)", row)}
    assert names
    assert names <= set(type(Settings().storage.s3).model_fields)
