"""A disk that can't be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.disk import Disk


def test_where_nothing_can_be_mounted_it_is_a_folder_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    disk = Disk(tmp_path / "disk", 8)
    disk.mount()
    assert disk.path.is_dir()
    assert disk.why_not == "mount can't be run: No such file or directory"
    disk.unmount()
    program = tmp_path / "mount"
    program.write_text("#!/bin/sh\necho 'mount: only root can do that' >&2\nexit 1\n")
    program.chmod(0o755)
    disk.mount()
    assert disk.why_not == "mount: only root can do that"
