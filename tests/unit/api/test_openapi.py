"""The API describes itself: everything has a name, a summary and an example, and no answer is forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from gilfoyle.api.app import create_app
from gilfoyle.config import AuthSettings, Settings


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return create_app(Settings()).openapi()


def test_every_operation_has_a_name_and_a_summary(described: dict[str, Any]) -> None:
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert set(names) == {
        "healthz", "readyz", "metricsz", "createMedia", "listMedias", "getMedia", "editMedia", "deleteMedia",
        "deleteMedias", "cancelMedia", "downloadSource", "deleteSource", "createSourceLink", "revokeSourceLinks",
        "uploadMedia", "uploadMediaAs", "putSource", "sourceOffset", "retryMedia", "retryRendition", "streamMaster",
        "streamObject", "watchMedia", "watchState", "addPlaybackId", "revokePlaybackId", "verifyMedia",
        "getVerification", "listTracks", "addTrack", "editTrack", "removeTrack",
        "listAttachments", "addAttachment", "putAttachment", "getAttachment", "removeAttachment", "replaceMedia",
        "deleteReplacement", "createUpload", "listUploads", "getUpload", "cancelUpload", "putUpload", "postUpload",
        "tusOptions", "uploadOffset", "patchUpload", "beginParts", "listParts", "signParts", "completeParts",
        "createKey", "listKeys", "getKey", "editKey", "revokeKey", "deleteKey",
        "listEvents", "listMediaEvents",
        "createSigningKey", "listSigningKeys", "getSigningKey", "revokeSigningKey", "deleteSigningKey",
        "createWebhook", "listWebhooks", "getWebhook", "editWebhook", "deleteWebhook", "rotateSecret", "testWebhook",
        "listDeliveries", "redeliver",
        "createProject", "listProjects", "getProject", "editProject", "deleteProject",
    }  # fmt: skip
    assert all(operation["summary"] for operation in operations)
    assert all({"4XX", "5XX"} <= set(operation["responses"]) for operation in operations)
    assert not any("422" in operation["responses"] for operation in operations)


@pytest.mark.parametrize(("enabled", "needed"), [(True, [{"key": []}]), (False, [{"key": []}, {}])])
def test_every_operation_says_whether_it_needs_a_key(enabled: bool, needed: list[dict[str, list[str]]]) -> None:
    """Where none is asked for, one may be sent all the same."""
    described = create_app(Settings(auth=AuthSettings(enabled=enabled))).openapi()
    open_to_all = {"healthz", "readyz", "tusOptions", "streamMaster", "streamObject", "watchMedia", "watchState"}
    for path in described["paths"].values():
        for operation in path.values():
            ways = operation["security"]
            assert ways == ([] if operation["operationId"] in open_to_all else needed)
    assert described["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


def test_what_webhooks_receive_is_described(described: dict[str, Any]) -> None:
    (received,) = described["webhooks"]["event"].values()
    body = received["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert {"id", "type", "media_id", "data"} <= set(described["components"]["schemas"][body]["properties"])
    assert {each["name"] for each in received["parameters"]} == {
        "webhook-id", "webhook-timestamp", "webhook-signature"
    }  # fmt: skip
    assert set(received["responses"]) == {"204", "2XX", "4XX", "5XX"}


def test_every_model_has_an_example(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    assert {name for name, schema in schemas.items() if "enum" not in schema and not schema.get("examples")} == set()


def test_examples_show_what_is_null(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    assert schemas["MediaEdit"]["examples"][0]["metadata"] == {"season": None}
    assert schemas["MediaOut"]["examples"][0]["error"] is None


def test_what_is_always_in_an_answer_is_required(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    for name in ("MediaEnvelope", "MediaPage", "EventsPage"):
        assert set(schemas[name]["required"]) == {"code", "data", "metadata"}
    parts = {"probe", "warnings", "tracks", "renditions"}
    assert not parts & set(schemas["MediaListed"]["required"])
    assert not any("default" in schemas["MediaListed"]["properties"][part] for part in parts)


def test_files_are_binary(described: dict[str, Any]) -> None:
    assert described["components"]["schemas"]["TrackCreate"]["properties"]["file"]["format"] == "binary"


@pytest.mark.parametrize("path", ["upload", "upload/{kind}"])
def test_the_upload_describes_its_form(described: dict[str, Any], path: str) -> None:
    body = described["paths"][f"/v1/medias/{{media_id}}/{path}"]["post"]["requestBody"]
    assert set(body["content"]) == {"multipart/form-data"}


def test_a_plain_body_is_described(described: dict[str, Any]) -> None:
    operation = described["paths"]["/v1/medias/{media_id}/source"]["put"]
    assert set(operation["requestBody"]["content"]) == {"application/octet-stream"}
    assert {"kind", "file_name", "Content-Disposition", "Repr-Digest"} <= {
        each["name"] for each in operation["parameters"]
    }
