"""A backend from another package: the one below `plugin`, which knows of Gilfoyle only what is imported from it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gilfoyle.config import StorageSettings, load
from gilfoyle.errors import ConfigError, StorageError
from gilfoyle.storage import Storages, open_storage
from tests.plugin import PLUGIN, install_plugin


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package is installed."""
    return install_plugin(tmp_path_factory.mktemp("site"))


def run(site: Path, folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(site), **environment}
    return subprocess.run([sys.executable, *command], cwd=folder, env=env, capture_output=True, text=True, timeout=120)


def contract(site: Path, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the package's own tests, outside of our repository, against what is installed."""
    repository = shutil.copytree(PLUGIN, folder / "repository", ignore=shutil.ignore_patterns("__pycache__"))
    (repository / "gilfoyle_flat.py").unlink()
    return run(site, repository, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options)


def test_it_passes_the_contract_in_its_own_repository(site: Path, tmp_path: Path) -> None:
    result = contract(site, tmp_path)
    assert result.returncode == 0, result.stdout
    passed = re.search(r"^(\d+) passed in", result.stdout, re.MULTILINE)
    assert passed and int(passed[1]) > 50


def test_the_contract_fails_a_backend_that_breaks_it(tmp_path: Path) -> None:
    site = install_plugin(tmp_path / "site")
    module = site / "gilfoyle_flat.py"
    module.write_text(module.read_text().replace("temp.replace(path)", "path.write_bytes(temp.read_bytes()[1:])"))
    result = contract(site, tmp_path, "-k", "reads_back or refuses_a_bad_key")
    assert result.returncode == 1
    assert re.search(r"^1 failed, 23 passed", result.stdout, re.MULTILINE), result.stdout


def test_a_config_file_opens_it_and_the_check_finds_nothing_wrong(site: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("storage: {driver: flat, options: {folder: kept}}\n")
    result = run(site, tmp_path, "-m", "gilfoyle", "storage", "check", "--json")
    report = json.loads(result.stdout)
    assert (result.returncode, report["driver"], report["ok"]) == (0, "flat", True)
    assert {step["result"] for step in report["steps"]} == {"ok"}
    assert list((tmp_path / "kept").iterdir()) == []


async def test_its_options_come_by_the_environment_too(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(site)
    environment = {"GILFOYLE_STORAGE__DRIVER": "flat", "GILFOYLE_STORAGE__OPTIONS__FOLDER": f"{tmp_path}/kept"}
    await open_storage(load(None, environment).storage).close()
    assert (tmp_path / "kept").is_dir()


@pytest.mark.parametrize("options", [{}, {"folder": 7}, {"folder": "kept", "colour": "red"}])
def test_what_it_says_of_its_options_is_passed_on(
    site: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, object]
) -> None:
    monkeypatch.syspath_prepend(site)
    with pytest.raises(ConfigError, match=r"name its folder in storage\.options\.folder"):
        open_storage(StorageSettings(driver="flat", options=options))


async def test_it_is_opened_beside_ours(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(site)
    (tmp_path / "config.yaml").write_text(
        f"storage: {{filesystem: {{path: {tmp_path}/media}}, options: {{folder: {tmp_path}/kept}}}}\n"
    )
    storages = Storages(load(tmp_path / "config.yaml", {}).storage)
    await (await storages.open()).write("m/source", b"in files")
    await (await storages.of("flat")).write("m/source", b"in the flat one")
    assert (tmp_path / "media/m/source").read_bytes() == b"in files"
    assert (tmp_path / "kept/m%source").read_bytes() == b"in the flat one"
    await storages.close()


async def test_without_the_package_its_medias_are_said_to_need_it(tmp_path: Path) -> None:
    storages = Storages(load(None, {}).storage)
    with pytest.raises(StorageError, match="install the package") as failed:
        await storages.of("flat")
    assert failed.value.reason == "storage_not_configured"
