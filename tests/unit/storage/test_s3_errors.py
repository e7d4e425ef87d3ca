from __future__ import annotations

import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from gilfoyle.config import S3Settings
from gilfoyle.errors import ObjectNotFound, StorageError
from gilfoyle.storage.s3 import errors as s3_errors
from gilfoyle.storage.s3.errors import passing, translate

SETTINGS = S3Settings(bucket="films", endpoint="http://user:hidden@minio.internal:9000")
SECRET_URL = "http://minio.internal:9000/films/m?X-Amz-Signature=5ec4e7"
DOING = "The object m can't be read"


def answer(code: str, status: int, message: str = "") -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject"
    )


@pytest.mark.parametrize(
    ("error", "repeat", "words"),
    [
        (answer("SlowDown", 503), True, "minio.internal:9000 answers 503 SlowDown"),
        (answer("InternalError", 500), True, "answers 500 InternalError"),
        (answer("502", 502), True, "answers 502"),
        (answer("429", 429), True, "429"),
        (answer("RequestTimeout", 400), True, "400 RequestTimeout"),
        (answer("BadDigest", 400), True, "400 BadDigest"),
        (answer("AccessDenied", 403), False, "the policy of the access key"),
        (answer("403", 403), False, "the policy of the access key"),
        (answer("NoSuchBucket", 404), False, "there is no bucket films at minio.internal:9000"),
        (answer("InvalidAccessKeyId", 403), False, "storage.s3.access_key_id"),
        (answer("SignatureDoesNotMatch", 403), False, "storage.s3.secret_access_key"),
        (answer("PermanentRedirect", 301), False, "storage.s3.region"),
        (answer("ExpiredToken", 400), False, "storage.s3.session_token"),
        (answer("RequestTimeTooSkewed", 403), False, "clock"),
        (answer("XMinioStorageFull", 507), False, "is full"),
        (answer("NotImplemented", 501), False, "storage.s3.sse"),
        (answer("KMS.NotFoundException", 400), False, "storage.s3.sse_kms_key_id"),
        (answer("Strange", 418, "a {tea}\npot."), False, "answers 418 Strange: a (tea) pot."),
        (boto.EndpointConnectionError(endpoint_url=SECRET_URL), True, "can't be reached"),
        (boto.ConnectionClosedError(endpoint_url=SECRET_URL), True, "can't be reached"),
        (boto.ConnectTimeoutError(endpoint_url=SECRET_URL), True, "does not answer"),
        (boto.ReadTimeoutError(endpoint_url=SECRET_URL), True, "does not answer"),
        (boto.IncompleteReadError(actual_bytes=1, expected_bytes=2), True, "can't be reached"),
        (boto.ResponseStreamingError(error="broken"), True, "can't be reached"),
        (boto.SSLError(endpoint_url=SECRET_URL, error="CERTIFICATE_VERIFY_FAILED"), False, "certificate"),
        (boto.SSLError(endpoint_url=SECRET_URL, error="UNEXPECTED_EOF_WHILE_READING"), True, "can't be reached"),
        (boto.NoCredentialsError(), False, "credentials"),
        (ResponseParserError("no XML"), True, "is no S3 service"),
        (ConnectionResetError(104, "reset"), True, "can't be reached"),
    ],
)
def test_a_fault_is_a_sentence(error: Exception, repeat: bool, words: str) -> None:
    assert passing(error) is repeat
    fault = translate(error, DOING, SETTINGS)
    assert type(fault) is StorageError
    assert fault.message.startswith(f"{DOING}: ")
    assert words in fault.message
    assert fault.message.endswith(".")
    assert not any(secret in fault.message for secret in ("Signature=", "hidden", "{", "\n"))


@pytest.mark.parametrize("code", ["404", "NoSuchKey"])
def test_what_is_not_there_is_not_a_fault(code: str) -> None:
    assert not passing(answer(code, 404))
    assert isinstance(translate(answer(code, 404), DOING, SETTINGS), ObjectNotFound)


def test_every_reason_can_be_said() -> None:
    for code in s3_errors._REASONS:
        message = translate(answer(code, 400), DOING, SETTINGS).message
        assert "{" not in message, code
        assert not passing(answer(code, 500)), code
