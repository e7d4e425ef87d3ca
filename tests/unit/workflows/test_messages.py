"""Workflow ids, and inputs that outlive a deploy."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from pydantic import ValidationError

from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.temporal.messages import DeleteMediaInput, ProcessMediaInput, delete_media_id, process_media_id

MEDIA = UUID("11111111-2222-3333-4444-555555555555")


def test_an_encoding_has_one_workflow() -> None:
    assert process_media_id(MEDIA, 1) == f"media-{MEDIA}-1"
    assert process_media_id(MEDIA, 2) != process_media_id(MEDIA, 1)
    assert delete_media_id(MEDIA) == f"delete-{MEDIA}"


def test_an_input_survives_the_history() -> None:
    job = ProcessMediaInput(media_id=MEDIA, kind="video", source_bytes=3, policy=EncodingPolicy(head=0.5))
    assert ProcessMediaInput.model_validate_json(job.model_dump_json()) == job
    deletion = DeleteMediaInput(media_id=MEDIA)
    assert DeleteMediaInput.model_validate_json(deletion.model_dump_json()) == deletion


def test_an_input_of_an_older_release_gets_defaults() -> None:
    old = json.dumps({"media_id": str(MEDIA), "kind": "audio", "source_bytes": 3, "policy": {}})
    job = ProcessMediaInput.model_validate_json(old)
    assert (job.encoding, job.heartbeat_timeout_s, job.policy) == (1, 30, EncodingPolicy())


def test_an_input_without_a_policy_is_refused() -> None:
    with pytest.raises(ValidationError):
        ProcessMediaInput.model_validate({"media_id": MEDIA, "kind": "video", "source_bytes": 3})
