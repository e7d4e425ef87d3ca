"""The real stores that the storage tests use, one of each for the whole run."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from gilfoyle.config import S3Settings
from tests.seaweed import Seaweed, seaweed

# A package of its own, whose tests test_plugin.py runs where it is installed.
collect_ignore = ["plugin"]


@pytest.fixture(scope="session")
def s3_service() -> Iterator[Seaweed]:
    """SeaweedFS, for the whole run."""
    with seaweed() as service:
        yield service


@pytest.fixture
def s3_settings(s3_service: Seaweed) -> S3Settings:
    """Settings for SeaweedFS, with an empty prefix of its own for each test."""
    return S3Settings(
        bucket=s3_service.bucket,
        prefix=f"tests/{uuid4().hex}",
        endpoint=s3_service.endpoint,
        access_key_id=s3_service.access_key,
        secret_access_key=s3_service.secret_key,
        part_mb=5,
    )
