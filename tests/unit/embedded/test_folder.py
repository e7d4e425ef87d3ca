"""The data folder belongs to one `up` at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gilfoyle.embedded.folder import DataFolder
from gilfoyle.errors import StartupError


def test_everything_lies_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = DataFolder(Path("data"))
    folder.make()
    assert folder.root == tmp_path / "data"
    assert sorted(path.name for path in folder.root.iterdir()) == ["logs", "media"]


def test_a_second_holder_is_told_who_has_it(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with folder.locked():
        for _ in range(2):  # Asking does not disturb what the holder wrote.
            with pytest.raises(StartupError) as raised, DataFolder(tmp_path).locked():
                pass
            assert f"already running with the data folder {tmp_path} (process {os.getpid()})" in str(raised.value)


def test_it_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with DataFolder(tmp_path).locked():
            pass


def test_a_home_that_is_not_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    with pytest.raises(StartupError, match=r"there is no home folder. Choose another with --data"):
        DataFolder(Path("~/data"))


def test_a_file_in_its_place_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StartupError, match=r"can't be made: .*Choose another with --data"):
        DataFolder(tmp_path / "data").make()
