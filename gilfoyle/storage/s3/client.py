"""The boto3 clients of the S3 backend."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from gilfoyle.config import S3Settings
from gilfoyle.errors import ConfigError


def make_client(settings: S3Settings, endpoint: str = "") -> Any:
    """A client for the service, or for the same service at another `endpoint`. Blocks for a moment.

    Sends no request, save that AWS's chain may ask the machine's metadata service for credentials. Raises
    ConfigError with what the settings lack.
    """
    _check(settings)
    session = boto3.Session(
        aws_access_key_id=settings.access_key_id or None,
        aws_secret_access_key=settings.secret_access_key.get_secret_value() or None,
        aws_session_token=settings.session_token.get_secret_value() or None,
    )
    try:
        if session.get_credentials() is None:
            raise ConfigError(
                "There are no S3 credentials: set storage.s3.access_key_id and secret_access_key,"
                " or give this machine AWS's own (environment, profile or role)."
            )
        return session.client(
            "s3",
            endpoint_url=endpoint or settings.endpoint or None,
            region_name=settings.region or session.region_name or "us-east-1",
            config=_config(settings),
        )
    except (BotoCoreError, ValueError) as error:
        raise ConfigError(f"The S3 settings can't be used: {error}") from error


def _check(settings: S3Settings) -> None:
    if not settings.bucket:
        raise ConfigError("storage.s3.bucket is empty: name the bucket that keeps the medias.")
    if bool(settings.access_key_id) != bool(settings.secret_access_key):
        given, missing = ("access_key_id", "secret_access_key")[:: 1 if settings.access_key_id else -1]
        raise ConfigError(f"storage.s3.{given} is set and {missing} is not: set both, or neither.")
    if settings.session_token and not settings.access_key_id:
        raise ConfigError("storage.s3.session_token is set and access_key_id is not: it belongs to a key.")
    if settings.sse_kms_key_id and settings.sse != "aws:kms":
        raise ConfigError("storage.s3.sse_kms_key_id is set: set sse to aws:kms as well.")


def _config(settings: S3Settings) -> Config:
    addressing = settings.addressing
    if addressing == "auto":
        addressing = "path" if settings.endpoint else "virtual"
    return Config(
        signature_version="s3v4",
        s3={"addressing_style": addressing},
        connect_timeout=settings.timeout_s,
        read_timeout=settings.timeout_s,
        max_pool_connections=settings.connections,
        # Requests repeats, with patience: botocore would do so within each of its attempts.
        retries={"total_max_attempts": 1, "mode": "standard"},
        # By default, botocore 1.36 and newer sends x-amz-checksum-* and trailing checksums with each upload, which
        # GCS, R2, Ceph and older MinIO refuse (boto/boto3#4392). The signature covers the body's SHA-256 as it is.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        ignore_configured_endpoint_urls=True,  # else AWS_ENDPOINT_URL would be used where settings say AWS
    )
