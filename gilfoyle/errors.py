"""Every error that Gilfoyle raises on purpose.

    GilfoyleError
    ├── ConfigError             config_invalid         a setting is unknown, of a wrong type or out of bounds
    ├── StartupError            startup_failed         a part that `gilfoyle up` needs could not be started
    ├── InvalidRequest          invalid_request   400  the request is malformed; `fields` says where
    │   └── PartMismatch        part_mismatch     460  what a request brought has another checksum than it says
    ├── Unauthorized            unauthorized      401  an API key is missing, or is not good
    ├── Forbidden               forbidden         403  the key, the token or the page of another site may not do that
    ├── NotFound                not_found         404  no such media, or nothing under that path
    ├── NotAcceptable           not_acceptable    406  the route answers in nothing that the client accepts
    ├── Conflict                conflict          409  the media is not in a state that allows this
    │   ├── WrongOffset         wrong_offset      409  an upload goes on at another byte: at `offset`
    │   └── Locked              locked            423  another request is bringing bytes of the same upload
    ├── Gone                    gone              410  the upload has ended without a media, or a file was deleted
    ├── PreconditionFailed      precondition_failed 412 it has changed since, or the request is for another version
    ├── TooLarge                too_large         413  more bytes than `limits.upload_bytes`
    ├── UnsupportedMediaType    unsupported_media_type 415  the body has another Content-Type than the route takes
    ├── RangeNotSatisfiable     bad_range         416  the range lies outside the object
    ├── TooEarly                too_early         425  nothing to play yet: ask again
    ├── TooManyRequests         too_many_requests 429  more of one client than `limits` allows: ask again
    ├── Misdirected             misdirected       421  the request is for another host
    ├── IdempotencyKeyReused    idempotency_key_reused 422  the key was given to another request
    ├── UnsupportedMedia        unsupported_media 422  this release can't make a stream of the file as it is
    ├── FetchFailed             fetch_failed           another server did not answer as it should; a retry may help
    ├── EncodeFailed            encode_failed          ffmpeg gave up on a pass; a retry may help
    ├── StorageError            storage_failed    503  the storage did not do what was asked; a retry may help
    │   └── ObjectNotFound      object_not_found  404  no object has that key
    └── Unavailable             unavailable       503  Temporal or PostgreSQL can't be reached; a retry may help
        └── EncryptionKeyMissing encryption_key_missing 503 what Temporal keeps is encrypted by a key that is not here

Callers compare `code`, never the text. `status` is what the API answers with. `retryable` says whether the same
call may succeed later: activities turn a False into Temporal's `non_retryable`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class GilfoyleError(Exception):
    """The root. Its message is one sentence for a person, and says what to do where that is known."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(
        self, message: str, *, code: str | None = None, fields: Mapping[str, str] | None = None, log: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = code or self.code
        """A finer code under the class's own, such as `no_streams` for an UnsupportedMedia."""
        self.fields = dict(fields or {})
        self.log = log
        """What a program complained of: for our log and for Temporal's, never for the person who uploads."""


class ConfigError(GilfoyleError):
    code = "config_invalid"


class StartupError(GilfoyleError):
    code = "startup_failed"


class InvalidRequest(GilfoyleError):
    code, status = "invalid_request", 400


class PartMismatch(InvalidRequest):
    code, status = "part_mismatch", 460  # tus 1.0, Checksum


class Unauthorized(GilfoyleError):
    code, status = "unauthorized", 401


class Forbidden(GilfoyleError):
    code, status = "forbidden", 403


class NotFound(GilfoyleError):
    code, status = "not_found", 404


class NotAcceptable(GilfoyleError):
    code, status = "not_acceptable", 406


class Conflict(GilfoyleError):
    code, status = "conflict", 409


class WrongOffset(Conflict):
    code, status = "wrong_offset", 409

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset
        """The byte at which it goes on."""


class Locked(Conflict):
    code, status, retryable = "locked", 423, True


class Gone(GilfoyleError):
    code, status = "gone", 410


class PreconditionFailed(GilfoyleError):
    code, status = "precondition_failed", 412


class TooManyRequests(GilfoyleError):
    code, status, retryable = "too_many_requests", 429, True

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """When the same request will be answered."""


class TooLarge(GilfoyleError):
    code, status = "too_large", 413


class UnsupportedMediaType(GilfoyleError):
    code, status = "unsupported_media_type", 415


class RangeNotSatisfiable(GilfoyleError):
    code, status = "bad_range", 416


class Misdirected(GilfoyleError):
    code, status = "misdirected", 421


class IdempotencyKeyReused(GilfoyleError):
    code, status = "idempotency_key_reused", 422


class UnsupportedMedia(GilfoyleError):
    code, status = "unsupported_media", 422


class TooEarly(GilfoyleError):
    code, status, retryable = "too_early", 425, True


class FetchFailed(GilfoyleError):
    code, retryable = "fetch_failed", True


class EncodeFailed(GilfoyleError):
    code, retryable = "encode_failed", True


class StorageError(GilfoyleError):
    code, status, retryable = "storage_failed", 503, True


class ObjectNotFound(StorageError):
    code, status, retryable = "object_not_found", 404, False


class Unavailable(GilfoyleError):
    code, status, retryable = "unavailable", 503, True


class EncryptionKeyMissing(Unavailable):
    code, status, retryable = "encryption_key_missing", 503, True
