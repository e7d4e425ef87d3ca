"""The blocking file calls of the filesystem backend."""

from __future__ import annotations

from pathlib import Path

import pytest

from gilfoyle.storage.filesystem import files
from gilfoyle.storage.filesystem.files import has_link, is_remote


def test_links_on_the_way(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"")
    (tmp_path / "folder" / "link").symlink_to("file")
    (tmp_path / "other").symlink_to("folder")
    for key, linked in {
        "folder/file": False,
        "folder/missing/file": False,
        "folder/link": True,
        "other/file": True,
        "other/missing": True,
    }.items():
        assert has_link(tmp_path, key) is linked, key


@pytest.mark.parametrize(
    ("place", "remote"),
    [
        ("disk", False),
        ("disk/share", True),
        ("disk/share/media", True),
        ("disk/shared", False),
        ("disk/share/fast", False),
        ("with space", True),
    ],
)
def test_file_systems_on_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, *, remote: bool
) -> None:
    """Lines as /proc/self/mounts has them; the mount that is nearest counts."""
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/vda / ext4 rw 0 0\n"
        f"nas:/x {tmp_path}/disk/share nfs4 rw 0 0\n"
        f"/dev/vdb {tmp_path}/disk/share/fast xfs rw 0 0\n"
        f"sshfs {tmp_path}/with\\040space fuse.sshfs rw 0 0\n"
    )
    monkeypatch.setattr(files, "MOUNTS", mounts)
    (tmp_path / place).mkdir(parents=True)
    assert is_remote(tmp_path / place) is remote
    mounts.unlink()
    assert not is_remote(tmp_path / place)
