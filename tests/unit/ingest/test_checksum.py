from __future__ import annotations

import base64
import hashlib

import pytest

from gilfoyle.errors import InvalidRequest
from gilfoyle.ingest.checksum import from_repr_digest

DIGEST = hashlib.sha256(b"film")
BASE64 = base64.b64encode(DIGEST.digest()).decode()


@pytest.mark.parametrize(
    "header",
    [
        f"sha-256=:{BASE64}:",
        f"SHA-256 = :{BASE64}:",
        f"sha-512=:YQ==:, sha-256=:{BASE64}:",
        f"sha-256=:{BASE64}:;x=1, md5=:YQ==:",
        f"sha-256=:YQ==:,sha-256=:{BASE64}:",
    ],
)
def test_finds_the_sha256_of_a_repr_digest(header: str) -> None:
    assert from_repr_digest(header) == DIGEST.hexdigest()


@pytest.mark.parametrize("header", ["", "sha-512=:YQ==:", "unixsum=30637", "nonsense"])
def test_other_algorithms_may_be_ignored(header: str) -> None:
    assert from_repr_digest(header) is None


@pytest.mark.parametrize(
    "value", ["", ":", "::", ":YQ==:", BASE64, f":{BASE64}", DIGEST.hexdigest(), f":{DIGEST.hexdigest()}:", ":é:", "1"]
)
def test_a_malformed_sha256_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest, match="Repr-Digest must be"):
        from_repr_digest(f"sha-256={value}")
