"""Root opens no more of the file system to PostgreSQL's account than it must."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from gilfoyle.embedded import account
from gilfoyle.embedded.account import Account
from gilfoyle.errors import StartupError

STRANGER = Account(uid=54321, gid=54321)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_place_is_open_if_every_folder_above_it_is() -> None:
    with tempfile.TemporaryDirectory() as root:
        place = Path(root) / "outer" / "inner" / "data"
        place.mkdir(parents=True)
        for folder in (place.parent, place.parent.parent, Path(root)):
            folder.chmod(0o701)
        place.chmod(0o700)
        assert account.is_open(place)
        place.parent.parent.chmod(0o770)
        assert not account.is_open(place)
        assert not account.is_open(place / "not-there-yet")
        assert [mode(each) for each in (place.parent.parent, place)] == [0o770, 0o700]


def useradd(folder: Path, monkeypatch: pytest.MonkeyPatch, *reasons: str) -> Path:
    """A `useradd` that fails with those reasons, one after another; returns where it counts."""
    counted = folder / "counted"
    cases = "\n".join(f"{number}) echo '{reason}' >&2;;" for number, reason in enumerate(reasons, start=1))
    program = folder / "useradd"
    program.write_text(f"#!/bin/sh\necho >>{counted}\ncase $(/usr/bin/wc -l <{counted}) in\n{cases}\nesac\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(account, "NAME", "nobody_of_this_name")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return counted


def test_an_account_that_can_t_be_made_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    useradd(tmp_path, monkeypatch, "useradd: no room")
    with pytest.raises(StartupError, match=r"can't be made: useradd: no room\. Run `gilfoyle up` as an ordinary user"):
        account.unprivileged()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StartupError, match=r"can't be made: .*useradd"):
        account.unprivileged()


def test_who_else_makes_one_at_the_same_time_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = "useradd: cannot lock /etc/passwd; try again later."
    counted = useradd(tmp_path, monkeypatch, locked, locked, "useradd: no room")
    with pytest.raises(StartupError, match="no room"):
        account.unprivileged()
    assert len(counted.read_text()) == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_folder_is_given_away_whole(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "1").touch()
    (tmp_path / "link").symlink_to("/etc/passwd")
    account.own(tmp_path, STRANGER)
    assert {path.lstat().st_uid for path in (tmp_path, *tmp_path.rglob("*"))} == {STRANGER.uid}
    assert Path("/etc/passwd").stat().st_uid == 0


def test_only_root_needs_another_account() -> None:
    assert (account.unprivileged() is not None) == (os.geteuid() == 0)
