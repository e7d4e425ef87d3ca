"""The API describes itself: everything has a name, a summary and an example, and no answer is forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from gilfoyle.api.app import create_app
from gilfoyle.config import Settings


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return create_app(Settings()).openapi()


def test_every_operation_has_a_name_and_a_summary(described: dict[str, Any]) -> None:
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert set(names) == {
        "healthz", "readyz", "metricsz", "createMedia", "listMedias", "getMedia", "editMedia", "deleteMedia",
        "uploadMedia", "putSource", "sourceOffset", "retryMedia", "retryRendition", "streamMaster", "streamObject",
        "watchMedia", "watchState", "addPlaybackId", "revokePlaybackId", "verifyMedia", "getVerification",
        "listTracks", "addTrack", "editTrack", "removeTrack",
    }  # fmt: skip
    assert all(operation["summary"] for operation in operations)
    assert all({"4XX", "5XX"} <= set(operation["responses"]) for operation in operations)
    assert not any("422" in operation["responses"] for operation in operations)


def test_every_model_has_an_example(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    assert {name for name, schema in schemas.items() if "enum" not in schema and not schema.get("examples")} == set()


def test_the_upload_describes_its_form(described: dict[str, Any]) -> None:
    body = described["paths"]["/v1/medias/{media_id}/upload/{kind}"]["post"]["requestBody"]
    assert set(body["content"]) == {"multipart/form-data"}


def test_a_plain_body_is_described(described: dict[str, Any]) -> None:
    operation = described["paths"]["/v1/medias/{media_id}/source"]["put"]
    assert set(operation["requestBody"]["content"]) == {"application/octet-stream"}
    assert {"kind", "file_name", "Content-Disposition", "Repr-Digest"} <= {
        each["name"] for each in operation["parameters"]
    }
