"""`gilfoyle.storage.check` on a real S3 service, with right settings and wrong ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from gilfoyle.cli.commands.storage_check import prober
from gilfoyle.config import S3Settings, Settings, StorageSettings
from gilfoyle.errors import StorageError
from gilfoyle.storage import drivers
from gilfoyle.storage.base import Unfinished
from gilfoyle.storage.check import Outcome, check
from gilfoyle.storage.s3.backend import S3Storage
from tests.faulty import FaultyProxy
from tests.integration.storage.checking import failed, fault, note, outcomes
from tests.seaweed import Seaweed


def s3(settings: S3Settings, **changes: Any) -> StorageSettings:
    return StorageSettings(driver="s3", s3=settings.model_copy(update=changes))


@pytest.mark.parametrize("serve", ["proxy", "redirect"])
async def test_a_bucket_passes_every_step_and_stays_empty(
    s3_service: Seaweed, s3_settings: S3Settings, serve: str
) -> None:
    report = await check(s3(s3_settings, serve=serve), probe=prober(Settings()))
    assert report.ok
    assert {*outcomes(report).values()} == {Outcome.OK}, report
    assert s3_service.client().list_objects_v2(Bucket=s3_service.bucket, Prefix=s3_settings.prefix)["KeyCount"] == 0
    assert note(report, "write large").startswith("6.3 MB at")  # a part of 5 MiB, and one more
    for secret in (s3_settings.secret_access_key.get_secret_value(), "X-Amz-Signature"):
        assert secret not in str(report)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"secret_access_key": SecretStr("wrong-secret")}, "storage.s3.secret_access_key"),
        ({"access_key_id": "stranger"}, "storage.s3.access_key_id"),
        ({"bucket": "nothing"}, "there is no bucket nothing"),
        ({"bucket": ""}, "storage.s3.bucket is empty"),
    ],
)
async def test_wrong_s3_settings_are_named(s3_settings: S3Settings, changes: dict[str, str], words: str) -> None:
    report = await check(s3(s3_settings, **changes))
    assert words in fault(report, "open")
    assert failed(report) == ["open"]
    assert "wrong-secret" not in str(report)


@pytest.mark.parametrize("mode", ["hang", "drop"])
async def test_a_service_that_can_not_be_reached_is_told_within_seconds(
    s3_service: Seaweed, s3_settings: S3Settings, mode: str
) -> None:
    with FaultyProxy(s3_service.host, s3_service.port) as proxy:
        getattr(proxy, mode)()
        settings = s3(s3_settings, endpoint=proxy.url, timeout_s=300, patience_s=300)
        report = await asyncio.wait_for(check(settings), 60)
    assert f"127.0.0.1:{proxy.port}" in fault(report, "open")


async def test_a_bucket_without_cors_gets_the_rule_to_set(s3_service: Seaweed, s3_settings: S3Settings) -> None:
    client, bucket = s3_service.client(), "strict"
    client.create_bucket(Bucket=bucket)
    strict = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://example.com"]}
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [strict]})
    redirecting = s3(s3_settings, bucket=bucket, serve="redirect")
    report = await check(redirecting)
    assert failed(report) == ["player"]
    assert "browsers hide" in fault(report, "player")  # `null` is not `https://example.com`
    assert f"put-bucket-cors --bucket {bucket}" in note(report, "player")

    # And that rule is right.
    rule = note(report, "player").split("--cors-configuration '")[1].split("'")[0]
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration=json.loads(rule))
    assert (await check(redirecting)).ok


class Blind(S3Storage):
    """As services are that list no uploads."""

    async def unfinished(self) -> AsyncIterator[Unfinished]:
        for write in ():
            yield write


class Refusing(S3Storage):
    async def unfinished(self) -> AsyncIterator[Unfinished]:
        raise StorageError("Unfinished uploads can't be listed: denied.")
        yield


@pytest.mark.parametrize("backend", [Blind, Refusing])
async def test_uploads_that_can_not_be_listed_are_a_warning(
    monkeypatch: pytest.MonkeyPatch, s3_settings: S3Settings, backend: type[S3Storage]
) -> None:
    monkeypatch.setitem(drivers._OURS, "s3", lambda settings: backend(settings.s3))
    report = await check(s3(s3_settings))
    assert report.ok
    assert outcomes(report)["unfinished writes"] is Outcome.WARNING
    assert "lifecycle rule" in note(report, "unfinished writes")


async def test_a_public_address_that_is_closed_is_named(s3_service: Seaweed, s3_settings: S3Settings) -> None:
    address = f"{s3_service.endpoint}/{s3_service.bucket}/{s3_settings.prefix}"
    report = await check(s3(s3_settings, serve="redirect", public_url=address))
    assert failed(report) == ["player"]
    assert "storage.s3.public_url" in fault(report, "player")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}, "PUT"),
        ({"AllowedMethods": ["PUT", "GET"], "AllowedOrigins": ["https://other.example"]}, "origin"),
        ({"AllowedMethods": ["PUT", "GET"], "AllowedOrigins": ["*"]}, "does not expose ETag"),
    ],
)
async def test_a_bucket_that_takes_no_parts_from_pages_gets_the_rule_to_set(
    s3_service: Seaweed, s3_settings: S3Settings, rule: dict[str, Any], words: str
) -> None:
    client, bucket = s3_service.client(), f"closed-{uuid4().hex[:8]}"
    client.create_bucket(Bucket=bucket)
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [{"AllowedHeaders": ["*"], **rule}]})
    settings, origins = s3(s3_settings, bucket=bucket), ("https://app.example", "null")
    report = await check(settings, origins=origins)
    assert report.ok, "uploads by way of the API work"
    assert outcomes(report)["browser uploads"] is Outcome.WARNING
    assert words in note(report, "browser uploads")
    assert "X-Amz" not in note(report, "browser uploads")

    # And that rule is right.
    rule = json.loads(note(report, "browser uploads").split("--cors-configuration '")[1].split("'")[0])
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration=rule)
    assert outcomes(await check(settings, origins=origins))["browser uploads"] is Outcome.OK
