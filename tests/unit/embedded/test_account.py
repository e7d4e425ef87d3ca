"""Root opens no more of the file system to PostgreSQL's account than it must."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gilfoyle.embedded import account
from gilfoyle.embedded.account import Account

STRANGER = Account(uid=54321, gid=54321)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_parents_get_the_search_bit_and_nothing_else(tmp_path: Path) -> None:
    home = tmp_path / "home"
    target = home / "open" / "data"
    target.mkdir(parents=True)
    for path, bits in ((target, 0o700), (target.parent, 0o755), (home, 0o700)):
        path.chmod(bits)
    account.let_through(target, STRANGER)
    assert [mode(home), mode(target.parent), mode(target)] == [0o701, 0o755, 0o700]


def test_programs_become_readable_as_far_as_for_their_owner(tmp_path: Path) -> None:
    program, text = tmp_path / "bin" / "postgres", tmp_path / "bin" / "postgres.bki"
    program.parent.mkdir(mode=0o700)
    program.touch(0o700)
    text.touch(0o600)
    account.let_read(tmp_path / "bin")
    assert [mode(program.parent), mode(program), mode(text)] == [0o705, 0o705, 0o604]


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
