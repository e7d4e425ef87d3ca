from __future__ import annotations

import pytest

from gilfoyle.config import S3Settings, StorageSettings
from gilfoyle.storage.check.settings import QUICK_S, quick, without_secrets

SETTINGS = StorageSettings(
    s3=S3Settings(
        bucket="films", access_key_id="AKIDEXAMPLE", secret_access_key="wJalrXUtnFEMI", session_token="FQoGZX"
    ),
    options={"account": "mine", "api_key": "k-123456", "Password": "hunter2", "folder": "/srv/media", "retries": 3},
)


def test_a_person_does_not_wait() -> None:
    hasty = quick(SETTINGS)
    assert (hasty.s3.patience_s, hasty.s3.timeout_s, hasty.ipfs.patience_s) == (0, QUICK_S, 0)
    assert hasty.s3.model_copy(update={"patience_s": 45.0, "timeout_s": 20.0}) == SETTINGS.s3
    assert quick(StorageSettings(s3=S3Settings(timeout_s=2))).s3.timeout_s == 2


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("the key AKIDEXAMPLE of films", "the key *** of films"),
        ("wJalrXUtnFEMI, FQoGZX, k-123456 and hunter2", "***, ***, *** and ***"),
        ("mine lies in /srv/media", "mine lies in /srv/media"),
        ("https://s3.test/films/m?X-Amz-Signature=0a1b&X-Amz-Date=2 failed", "https://s3.test/films/m?*** failed"),
        ("at 'http://me:pass@s3.test/films'", "at 'http://s3.test/films'"),
    ],
)
def test_secrets_are_not_said(said: str, shown: str) -> None:
    assert without_secrets(said, SETTINGS) == shown
