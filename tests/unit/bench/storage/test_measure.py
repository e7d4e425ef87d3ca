"""Who does what when, and what is said when something is missing."""

from __future__ import annotations

import json
import shutil
from contextlib import nullcontext

import pytest

from bench.storage import measure
from bench.storage.results import Measured
from bench.storage.side import Job, Sizes
from bench.storage.subjects import Subject
from gilfoyle.config import StorageSettings
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
    with pytest.raises(StorageError, match=r"takes 3\.6 GB of disk, and .* has 3\.2 GB left: make room"):
        measure.storage(Sizes(1024, 1), runs=1, as_json=False)


def test_the_sides_take_turns_and_who_is_first_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[Job] = []

    def run(job: Job) -> Measured:
        assert job.source.exists()
        jobs.append(job)
        return Measured(1, 1, 1)

    monkeypatch.setattr("bench.storage.job.run", run)
    subject = Subject("filesystem", "cp", lambda: nullcontext(StorageSettings()))
    found = measure.measure(subject, Sizes(1, 2), runs=2, say=lambda _: None)
    assert [f"{job.who} {job.work} {job.size}" for job in jobs] == [
        *["ours object 1048576", "bare object 1048576", "ours segments 1000000", "bare segments 1000000"],
        "ours object 16777216",
        *["bare object 1048576", "ours object 1048576", "bare segments 1000000", "ours segments 1000000"],
    ]
    assert (len(found.objects), len(found.segments), found.small) == (2, 2, Measured(1, 1, 1))
    assert not any(job.source.exists() for job in jobs)
