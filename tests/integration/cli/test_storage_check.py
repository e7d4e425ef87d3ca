"""`gilfoyle storage check`, as a person and as a script run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def check(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gilfoyle", "storage", "check", *options]
    return subprocess.run(command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True)


def test_what_works_is_a_table_and_status_0(tmp_path: Path) -> None:
    result = check(tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[0] == ["STEP", "RESULT", "MS"]
    assert rows[1][:2] == ["open", "ok"]
    assert ["ffprobe", "ok"] in [row[:2] for row in rows]
    assert result.stdout.endswith("The storage filesystem works from here.\n")
    assert [path.name for path in (tmp_path / "data/media").iterdir()] == [".tmp"]


def test_what_does_not_is_status_1_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    result = check(tmp_path)
    assert (result.returncode, result.stderr) == (1, "")
    assert "open failed: The storage folder" in result.stdout
    assert "storage.filesystem.path" in result.stdout
    assert ["write", "skipped", "-"] in [line.split()[:3] for line in result.stdout.splitlines()]


def test_scripts_read_json(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("storage: {s3: {bucket: films, access_key_id: AKID}}\n")
    result = check(tmp_path, "--driver", "s3", "--json")
    assert result.returncode == 1
    report = json.loads(result.stdout)
    assert (report["driver"], report["ok"]) == ("s3", False)
    assert report["steps"][0]["result"] == "failed"
    assert "secret_access_key" in report["steps"][0]["note"]
    assert {step["result"] for step in report["steps"][1:]} == {"skipped"}


@pytest.mark.parametrize("name", ["tape", "../x"])
def test_a_driver_that_is_not_there_is_a_sentence(tmp_path: Path, name: str) -> None:
    result = check(tmp_path, "--driver", name)
    assert (result.returncode, result.stderr) == (1, "")
    assert f"There is no storage backend '{name}'" in result.stdout
