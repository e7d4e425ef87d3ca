from __future__ import annotations

import base64
import hashlib

import pytest

from gilfoyle.errors import InvalidRequest
from gilfoyle.ingest.checksum import Checksum, from_hex, from_repr_digest, require_match

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
    assert from_repr_digest(header) == Checksum(DIGEST.hexdigest(), "Repr-Digest")


@pytest.mark.parametrize("header", ["", "sha-512=:YQ==:", "unixsum=30637", "nonsense"])
def test_other_algorithms_may_be_ignored(header: str) -> None:
    assert from_repr_digest(header) is None


@pytest.mark.parametrize(
    "value", ["", ":", "::", ":YQ==:", BASE64, f":{BASE64}", DIGEST.hexdigest(), f":{DIGEST.hexdigest()}:", ":é:", "1"]
)
def test_a_malformed_sha256_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest, match="Repr-Digest must be"):
        from_repr_digest(f"sha-256={value}")


@pytest.mark.parametrize(
    "said", [from_repr_digest(f"sha-256=:{BASE64}:"), from_hex(DIGEST.hexdigest().upper(), "sha256")]
)
def test_a_mismatch_is_told_where_the_checksum_was_said(said: Checksum) -> None:
    require_match(DIGEST.hexdigest(), said)
    with pytest.raises(InvalidRequest, match="upload it again") as refused:
        require_match(hashlib.sha256(b"other").hexdigest(), said)
    assert (refused.value.reason, refused.value.fields) == (
        "checksum_mismatch",
        {said.field: "does not match the file"},
    )


def test_nothing_said_matches_anything() -> None:
    require_match(DIGEST.hexdigest(), None)
