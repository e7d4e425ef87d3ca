"""Finding backends: ours, those of other packages, and packages that are not what they should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from gilfoyle.config import FilesystemSettings, StorageSettings
from gilfoyle.errors import ConfigError, StorageError
from gilfoyle.storage import FilesystemStorage
from gilfoyle.storage.drivers import names, opener
from gilfoyle.storage.storages import open_storage
from tests.plugin import declare

PACKAGE = """
from gilfoyle.errors import StorageError
from gilfoyle.storage import FilesystemStorage

def good(settings):
    return FilesystemStorage(settings.options["folder"])

def failing(settings):
    return {}["account"]

def refusing(settings):
    raise StorageError("The vault is closed until nine.")

class Half:
    def __init__(self, settings): pass
    def read(self, key): pass
    def write(self, key, data): pass
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages, with a module that holds several backends."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "made_up_backends.py").write_text(PACKAGE)
    (site / "made_up_broken.py").write_text("import nothing_of_that_name\n")
    monkeypatch.syspath_prepend(site)
    return site


def fault(name: str) -> str:
    with pytest.raises(ConfigError) as caught:
        opener(name)(StorageSettings())
    return caught.value.message


def test_ours_are_there_without_any_package() -> None:
    assert names()[:3] == ["filesystem", "s3", "ipfs"]


def test_a_package_adds_its_own(site: Path, tmp_path: Path) -> None:
    declare(site, "vault", {"vault": "made_up_backends:good"})
    assert "vault" in names()
    storage = open_storage(StorageSettings(driver="vault", options={"folder": str(tmp_path / "kept")}))
    assert isinstance(storage, FilesystemStorage)
    assert (tmp_path / "kept").is_dir()


def test_a_package_does_not_take_the_place_of_ours(site: Path, tmp_path: Path) -> None:
    declare(site, "usurper", {"filesystem": "made_up_backends:failing"})
    assert names().count("filesystem") == 1
    assert open_storage(StorageSettings(filesystem=FilesystemSettings(path=tmp_path / "media")))


def test_an_unknown_driver_names_those_there_are(site: Path) -> None:
    declare(site, "vault", {"vault": "made_up_backends:good"})
    assert fault("tape") == (
        f"There is no storage backend 'tape': storage.driver can be {', '.join(names())}. "
        "Correct it, or install the package that offers the backend."
    )
    assert "vault" in fault("tape")


def test_two_packages_of_one_name_are_refused(site: Path) -> None:
    declare(site, "vault-one", {"vault": "made_up_backends:good"})
    declare(site, "vault-two", {"vault": "made_up_backends:good"})
    assert "uninstall all but one" in fault("vault")
    assert names().count("vault") == 1


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("made_up_broken:open_it", "can't be loaded: No module named 'nothing_of_that_name'"),
        ("made_up_backends:absent", "can't be loaded: module 'made_up_backends' has no attribute 'absent'"),
        ("made_up_backends:failing", "can't be opened: KeyError: 'account'"),
        ("made_up_backends:Half", "is not complete: it lacks stream, stat, list,"),
    ],
)
def test_a_broken_package_is_named(site: Path, target: str, words: str) -> None:
    declare(site, "vault", {"vault": target})
    assert words in fault("vault")
    assert f"The storage backend 'vault' ({target})" in fault("vault")


def test_what_a_package_says_itself_is_passed_on(site: Path) -> None:
    declare(site, "vault", {"vault": "made_up_backends:refusing"})
    with pytest.raises(StorageError, match="closed until nine"):
        opener("vault")(StorageSettings())
