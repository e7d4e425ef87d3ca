"""What is sent, where no service that tests can run would answer so: botocore is given the answers itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from io import BytesIO
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from gilfoyle.config import S3Settings
from gilfoyle.errors import StorageError
from gilfoyle.storage.s3.backend import S3Storage

Answer = Callable[[Any], tuple[int, str]]
LISTING = "<ListBucketResult><IsTruncated>false</IsTruncated>{}</ListBucketResult>"
ENTRY = (
    '<Contents><Key>{}</Key><ETag>"e"</ETag><Size>1</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>'
)


class Raw(BytesIO):
    def stream(self, **_: object) -> list[bytes]:
        return [self.read()]


@pytest.fixture
def given() -> dict[str, Any]:
    return {}


@pytest.fixture
async def storage(given: dict[str, Any]) -> AsyncIterator[S3Storage]:
    settings = {"bucket": "films", "endpoint": "http://127.0.0.1:9", "patience_s": 0}
    storage = S3Storage(S3Settings(**settings, access_key_id="key", secret_access_key="secret", **given))
    yield storage
    await storage.close()


def answering(storage: S3Storage, answer: Answer) -> list[Any]:
    """Let `answer` stand for the service; returns the requests that it gets."""
    sent = []

    def send(request: Any, **_: object) -> AWSResponse:
        sent.append(request)
        status, body = answer(request)
        headers = {"ETag": '"e"', "Content-Type": "application/xml", "Content-Length": str(len(body))}
        return AWSResponse(request.url, status, headers, Raw(body.encode()))

    storage._requests.client.meta.events.register("before-send.s3", send)
    return sent


def fault(code: str) -> str:
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>"


@pytest.mark.parametrize(
    ("given", "headers"),
    [
        ({}, {}),
        ({"sse": "AES256"}, {"x-amz-server-side-encryption": "AES256"}),
        ({"sse": "aws:kms"}, {"x-amz-server-side-encryption": "aws:kms"}),
        (
            {"sse": "aws:kms", "sse_kms_key_id": "a-key"},
            {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": "a-key"},
        ),
    ],
)
async def test_each_write_asks_for_encryption(storage: S3Storage, headers: dict[str, str]) -> None:
    upload = "<R><UploadId>u</UploadId></R>"
    sent = answering(storage, lambda _: (200, upload))
    await storage.write("m/small", b"x")
    await storage.write("m/large", bytes((16 << 20) + 1))
    begun = [request for request in sent if "uploadId=" not in request.url]
    assert len(begun) == 2
    for request in begun:
        found = {name.lower(): as_text(value) for name, value in request.headers.items()}
        assert {name: value for name, value in found.items() if "encryption" in name} == headers


async def test_uploads_carry_no_checksum_that_others_than_aws_refuse(storage: S3Storage) -> None:
    sent = answering(storage, lambda _: (200, ""))
    await storage.write("m/small", b"x")
    names = {name.lower() for name in sent[0].headers}
    assert not {name for name in names if name.startswith(("x-amz-checksum", "x-amz-sdk-checksum", "x-amz-trailer"))}
    assert "x-amz-content-sha256" in names


@pytest.mark.parametrize("code", ["NotImplemented", "MissingContentMD5", "SignatureDoesNotMatch"])
async def test_removes_one_by_one_where_there_is_no_bulk(storage: S3Storage, code: str) -> None:
    keys = [f"m/1/720p/{n:05d}.m4s" for n in range(5)]
    left = set(keys)

    def answer(request: Any) -> tuple[int, str]:
        if request.method == "POST":
            return 400, fault(code)
        if request.method == "DELETE":
            left.discard(request.url.removeprefix("http://127.0.0.1:9/films/"))
            return 204, ""
        return 200, LISTING.format("".join(ENTRY.format(key) for key in sorted(left)))

    sent = answering(storage, answer)
    assert await storage.delete_prefix("m") == 5
    assert not left
    assert [request.method for request in sent].count("POST") == 1


async def test_what_may_not_be_removed_is_an_error(storage: S3Storage) -> None:
    def answer(request: Any) -> tuple[int, str]:
        if request.method == "POST":
            return 200, "<DeleteResult><Error><Key>m/a</Key><Code>AccessDenied</Code></Error></DeleteResult>"
        return 200, LISTING.format(ENTRY.format("m/a"))

    answering(storage, answer)
    with pytest.raises(StorageError, match="policy"):
        await storage.delete_prefix("m")


async def test_a_listing_that_lags_behind_is_not_believed_for_ever(storage: S3Storage) -> None:
    answering(storage, lambda request: (200, LISTING.format(ENTRY.format("m/a"))))
    assert await storage.delete_prefix("m") == 1


async def test_a_service_that_can_not_list_uploads_has_none(storage: S3Storage) -> None:
    answering(storage, lambda asked: (501, fault("NotImplemented")) if "?uploads" in asked.url else (200, "<R></R>"))
    assert [write async for write in storage.unfinished()] == []


async def test_an_answer_to_complete_that_was_lost_is_looked_up(given: dict[str, Any]) -> None:
    size = (16 << 20) + 1
    completed = 0

    def answer(request: Any) -> tuple[int, str]:
        nonlocal completed
        if request.method == "POST" and "uploadId=" in request.url:
            completed += 1
            return (500, fault("InternalError")) if completed == 1 else (404, fault("NoSuchUpload"))
        return 200, "<R><UploadId>u</UploadId></R>"

    def head(request: Any, **_: object) -> AWSResponse | None:
        if request.method != "HEAD":
            return None
        headers = {"ETag": '"whole"', "Content-Length": str(found), "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        return AWSResponse(request.url, 200, headers, Raw(b""))

    for found in (size, size - 1):
        settings = S3Settings(
            bucket="films", endpoint="http://127.0.0.1:9", access_key_id="key", secret_access_key="secret"
        )
        storage, completed = S3Storage(settings), 0
        storage._requests.client.meta.events.register("before-send.s3.HeadObject", head)
        answering(storage, answer)
        if found == size:
            assert (await storage.write("m/source", bytes(size))).etag == "whole"
        else:
            with pytest.raises(StorageError, match="aborted"):
                await storage.write("m/source", bytes(size))
        assert completed == 2
        await storage.close()


async def test_a_proxy_that_ignores_ranges_is_noticed(storage: S3Storage) -> None:
    answering(storage, lambda _: (200, "0123456789"))
    assert b"".join([piece async for piece in storage.stream("m/a", 0, 10)]) == b"0123456789"
    for start, end in ((5, 8), (0, 5)):
        with pytest.raises(StorageError, match="ranges"):
            async for _ in storage.stream("m/a", start, end):
                pass


class Objects:
    """A service with or without conditional writes. It keeps what is written."""

    def __init__(self, treats: str) -> None:
        self.treats = treats
        self.kept: dict[str, bytes] = {}

    def answer(self, request: Any) -> tuple[int, str]:
        name = request.url.removeprefix("http://127.0.0.1:9/films/")
        if request.method == "HEAD":
            return (200, "") if name in self.kept else (404, "")
        if "If-None-Match" in request.headers:
            assert as_text(request.headers["If-None-Match"]) == "*"
            if self.treats == "refuses":
                return 501, fault("NotImplemented")
            if self.treats == "honours" and name in self.kept:
                return 412, fault("PreconditionFailed")
        self.kept[name] = request.body if isinstance(request.body, bytes) else request.body.read()
        return 200, ""


@pytest.mark.parametrize(
    ("treats", "first", "then"),
    [
        ("honours", ["PUT", "PUT", "PUT"], ["PUT"]),
        ("ignores", ["PUT", "PUT", "HEAD", "PUT"], ["HEAD", "PUT"]),
        ("refuses", ["PUT", "HEAD", "PUT"], ["HEAD", "PUT"]),
    ],
)
async def test_what_is_there_stays_whatever_the_service_can(
    storage: S3Storage, treats: str, first: list[str], then: list[str]
) -> None:
    service = Objects(treats)
    sent = answering(storage, service.answer)
    for key, methods in (("m/a", first), ("m/b", then)):
        del sent[:]
        assert await storage.write_new(key, b"first")
        assert [request.method for request in sent] == methods
        assert not await storage.write_new(key, b"second")
        assert service.kept[key] == b"first"


async def test_later_processes_need_no_second_trial(storage: S3Storage) -> None:
    service = Objects("honours")
    service.kept["gilfoyle-writes-once"] = b""
    sent = answering(storage, service.answer)
    assert await storage.write_new("m/a", b"first")
    assert [request.method for request in sent] == ["PUT", "PUT"]


@pytest.mark.parametrize("given", [{"sse": "AES256"}])
async def test_also_the_trial_asks_for_encryption(storage: S3Storage) -> None:
    sent = answering(storage, Objects("honours").answer)
    await storage.write_new("m/a", b"x")
    assert all("x-amz-server-side-encryption" in {name.lower() for name in request.headers} for request in sent)


async def test_a_trial_that_fails_is_made_again(storage: S3Storage) -> None:
    service = Objects("honours")
    answers = [(503, fault("SlowDown")), (403, fault("AccessDenied"))]
    answering(storage, lambda request: answers.pop(0) if answers else service.answer(request))
    for _ in range(2):
        with pytest.raises(StorageError):
            await storage.write_new("m/a", b"x")
    assert await storage.write_new("m/a", b"x")


def as_text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
