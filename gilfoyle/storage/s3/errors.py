"""What went wrong at an S3 service: whether repeating helps, and a sentence that says what to do.

Messages never hold what botocore says of a request: that may be a presigned URL.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from gilfoyle.config import S3Settings
from gilfoyle.errors import ObjectNotFound, StorageError

FAULTS = (BotoCoreError, ClientError, ResponseParserError, HTTPError, OSError)
"""What a call of boto3, or reading the body that it returned, raises."""

_DENIED = (
    "{service} denies it: check that the policy of the access key allows s3:GetObject, s3:PutObject, s3:DeleteObject,"
    " s3:AbortMultipartUpload and s3:ListMultipartUploadParts below the prefix, s3:ListBucket and"
    " s3:ListBucketMultipartUploads on {bucket}"
)
_BUCKET = "there is no bucket {bucket} at {service}: make it, or correct storage.s3.bucket, endpoint and region"
_REGION = "the bucket {bucket} lies in another region: correct storage.s3.region and endpoint"
_TOKEN = "the temporary credentials have expired or are wrong: renew storage.s3.session_token and the key with it"
_FULL = "{service} is full, or its quota is used up: make room, or raise the quota"
_KMS = "the KMS key can't be used: check storage.s3.sse_kms_key_id, and that the access key may use it"
_UNSUPPORTED = "{service} does not support what was asked of it: check storage.s3.sse"
_UPLOAD = "its parts are gone: something aborted the upload, such as a lifecycle rule"

# S3's error codes, also those of MinIO, Ceph, SeaweedFS and R2. HEAD has no body: there, the status is the code.
_REASONS = {
    "403": _DENIED,
    "AccessDenied": _DENIED,
    "AllAccessDisabled": _DENIED,
    "AccountProblem": _DENIED,
    "Unauthorized": _DENIED,
    "NoSuchBucket": _BUCKET,
    "InvalidBucketName": _BUCKET,
    "InvalidAccessKeyId": "{service} does not know the access key: check storage.s3.access_key_id",
    "SignatureDoesNotMatch": "{service} refuses the signature: check storage.s3.secret_access_key and region,"
    " and that no proxy changes the Host header",
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "PermanentRedirect": _REGION,
    "301": _REGION,
    "ExpiredToken": _TOKEN,
    "InvalidToken": _TOKEN,
    "TokenRefreshRequired": _TOKEN,
    "RequestTimeTooSkewed": "this machine's clock differs from that of {service}: set it, by NTP",
    "RequestExpired": "this machine's clock differs from that of {service}: set it, by NTP",
    "507": _FULL,
    "InsufficientStorage": _FULL,
    "QuotaExceeded": _FULL,
    "XMinioStorageFull": _FULL,
    "XMinioAdminBucketQuotaExceeded": _FULL,
    "EntityTooLarge": "it is larger than {service} allows: check storage.s3.part_mb",
    "EntityTooSmall": "{service} wants larger parts: raise storage.s3.part_mb",
    "InvalidPart": _UPLOAD,
    "NoSuchUpload": _UPLOAD,
    "InvalidObjectState": "it has been archived: restore it, and exempt the bucket from archiving",
    "KMS.DisabledException": _KMS,
    "KMS.InvalidStateException": _KMS,
    "KMS.KMSInvalidStateException": _KMS,
    "KMS.NotFoundException": _KMS,
    "KMS.AccessDeniedException": _KMS,
    "KMSNotConfigured": _KMS,
    "NotImplemented": _UNSUPPORTED,
    "InvalidEncryptionAlgorithmError": _UNSUPPORTED,
    "PreconditionFailed": "it was replaced while it was being read: read it again",
    "412": "it was replaced while it was being read: read it again",
}
_NOT_FOUND = {"404", "NoSuchKey", "NoSuchVersion"}

# Refused now, but the same request may be accepted later.
_PASSING = {
    "408",
    "429",
    "RequestTimeout",
    "RequestThrottled",
    "SlowDown",
    "SlowDownRead",
    "SlowDownWrite",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "InternalError",
    "ServiceUnavailable",
    "OperationAborted",
    "ConditionalRequestConflict",
    "BadDigest",
    "IncompleteBody",
    "XAmzContentSHA256Mismatch",
}


def code_of(error: BaseException | None) -> str:
    """The S3 error code (or the HTTP status, where there is none); empty if the service has not answered."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def passing(error: BaseException) -> bool:
    """Whether the same request may succeed in a moment."""
    if isinstance(error, ClientError):
        code = code_of(error)
        if code in _REASONS or code in _NOT_FOUND:
            return False
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code in _PASSING or status in {408, 429} or (status >= 500 and status != 501)
    if isinstance(error, boto.SSLError):
        return not _untrusted(error)
    if isinstance(error, BotoCoreError):
        return isinstance(
            error,
            (
                boto.ConnectionError,
                boto.HTTPClientError,
                boto.IncompleteReadError,
                boto.CredentialRetrievalError,
                boto.MetadataRetrievalError,
            ),
        )
    return isinstance(error, FAULTS)


def translate(error: BaseException, doing: str, settings: S3Settings) -> StorageError:
    """`doing` is how the sentence begins, such as `The object m/source can't be written`."""
    code = code_of(error)
    if code in _NOT_FOUND:
        return ObjectNotFound(f"There is no such object. {doing}.")
    reason = _REASONS.get(code) or _unanswered(error) or _unknown(error, code)
    return StorageError(f"{doing}: {reason.format(service=service(settings), bucket=settings.bucket)}.")


def service(settings: S3Settings) -> str:
    """Names the service in sentences: its host and port, and nothing that could be secret."""
    return urlsplit(settings.endpoint).netloc.rpartition("@")[2] or "AWS S3"


def _unanswered(error: BaseException) -> str:
    """The reason if there is no answer of the service."""
    if isinstance(error, (boto.ReadTimeoutError, boto.ConnectTimeoutError)):
        return "{service} does not answer"
    if _untrusted(error):
        return "the certificate of {service} is not trusted: install its CA, and name it in AWS_CA_BUNDLE"
    if isinstance(error, (boto.NoCredentialsError, boto.CredentialRetrievalError, boto.MetadataRetrievalError)):
        return (
            "AWS's chain gives no credentials: set storage.s3.access_key_id and secret_access_key, or repair the role"
        )
    if isinstance(error, boto.ParamValidationError):
        return "boto3 refuses the request: check storage.s3"
    if isinstance(error, ResponseParserError):
        return "what answers at {service} is no S3 service: check storage.s3.endpoint"
    if isinstance(error, FAULTS) and not isinstance(error, ClientError):
        return "{service} can't be reached: check that it runs, and storage.s3.endpoint"
    return ""


def _untrusted(error: BaseException) -> bool:
    return isinstance(error, boto.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error)


def _unknown(error: BaseException, code: str) -> str:
    response = error.response if isinstance(error, ClientError) else {}
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    words = str(response.get("Error", {}).get("Message", "")).strip().rstrip(".")[:200]
    return ": ".join(part for part in (f"{{service}} answers {status} {code}".rstrip(), _plain(words)) if part)


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("{", "(").replace("}", ")")
