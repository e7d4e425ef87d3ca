"""What is said when something is missing."""

from __future__ import annotations

import json
import shutil

import pytest

from bench.storage import measure
from bench.storage.side import Sizes
from bench.storage.subjects import Subject
from gilfoyle.errors import StorageError


def test_a_backend_without_its_server_is_left_out_with_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def start() -> None:
        raise AssertionError("it has no server")

    monkeypatch.setattr(measure, "subjects", lambda: [Subject("s3", "boto3", start, missing="no SeaweedFS")])  # type: ignore[arg-type]
    measure.storage(Sizes(1, 1), runs=1, as_json=True)
    said = capsys.readouterr()
    assert "s3 is left out: there is no SeaweedFS." in said.err
    found = json.loads(said.out.splitlines()[-1])
    assert found["s3_put_ratio"] is None
    assert found["missing"] == {"s3": "no SeaweedFS"}


def test_a_full_disk_is_known_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    used = type(shutil.disk_usage("/"))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: used(100 << 30, 97 << 30, 3 << 30))
    with pytest.raises(StorageError, match=r"takes 3\.8 GB of disk, and .* has 3\.2 GB left: make room"):
        measure.storage(Sizes(1024, 1), runs=1, as_json=False)
