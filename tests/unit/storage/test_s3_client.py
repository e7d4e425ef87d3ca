from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from gilfoyle.config import S3Settings
from gilfoyle.errors import ConfigError
from gilfoyle.storage.s3.client import make_client

SECRET = {"secret_access_key": SecretStr("secret")}
KEYS = {"access_key_id": "key", **SECRET}


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What AWS's own chain of this machine holds must not matter, and nothing is asked over the network."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (KEYS, "storage.s3.bucket is empty"),
        ({"bucket": "films", "access_key_id": "key"}, "access_key_id is set and secret_access_key is not"),
        (
            {"bucket": "films", "secret_access_key": SecretStr("secret")},
            "secret_access_key is set and access_key_id is not",
        ),
        ({"bucket": "films", "session_token": SecretStr("token")}, "session_token is set and access_key_id is not"),
        ({"bucket": "films", "sse_kms_key_id": "id", **KEYS}, "set sse to aws:kms"),
        ({"bucket": "films"}, "There are no S3 credentials"),
        ({"bucket": "films", "endpoint": "http://a b", **KEYS}, "can't be used"),
    ],
)
def test_says_what_the_settings_lack(given: dict[str, Any], words: str) -> None:
    settings = S3Settings.model_construct(**{**S3Settings().model_dump(), **given})
    with pytest.raises(ConfigError) as caught:
        make_client(settings)
    assert words in caught.value.message
    assert "secret" not in caught.value.message.replace("secret_access_key", "")


@pytest.mark.parametrize(
    ("given", "host", "path"),
    [
        ({}, "films.s3.amazonaws.com", "/m/source"),
        ({"region": "eu-central-1"}, "films.s3.eu-central-1.amazonaws.com", "/m/source"),
        ({"addressing": "path"}, "s3.us-east-1.amazonaws.com", "/films/m/source"),
        ({"endpoint": "http://minio:9000"}, "minio:9000", "/films/m/source"),
        ({"endpoint": "https://s3.example", "addressing": "virtual"}, "films.s3.example", "/m/source"),
    ],
)
def test_the_bucket_is_in_the_host_or_the_path(given: dict[str, str], host: str, path: str) -> None:
    client = make_client(S3Settings(bucket="films", **KEYS, **given))
    url = urlsplit(client.generate_presigned_url("get_object", {"Bucket": "films", "Key": "m/source"}))
    assert url.netloc in {host, host.replace("s3.us-east-1.", "s3.")}
    assert url.path == path
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url.query


def test_an_endpoint_of_the_environment_is_not_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://elsewhere")
    client = make_client(S3Settings(bucket="films", **KEYS))
    assert "amazonaws.com" in client.meta.endpoint_url


def test_botocore_does_not_repeat_by_itself_and_sends_plain_requests() -> None:
    config = make_client(S3Settings(bucket="films", connections=7, timeout_s=3, **KEYS)).meta.config
    assert config.retries["total_max_attempts"] == 1
    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (3, 3, 7)
    assert config.request_checksum_calculation == "when_required"
    assert config.response_checksum_validation == "when_required"
