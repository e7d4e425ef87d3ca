"""Playback ids: the addresses under which a media is played, given out and taken back."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from gilfoyle.api import examples
from gilfoyle.api.envelope import Envelope
from gilfoyle.api.schemas import PlaybackIdOut
from gilfoyle.api.services import Injected
from gilfoyle.catalog import Policy

router = APIRouter(prefix="/v1/medias/{media_id}/playback-ids", tags=["playback"])


class PlaybackIdCreate(BaseModel):
    """Who may play it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.PLAYBACK_CREATE]})

    policy: Policy = Field(Policy.PUBLIC, description="`signed`: whoever plays it needs a token, too")


class PlaybackIdEnvelope(Envelope[PlaybackIdOut]):
    """One playback id."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.PLAYBACK)]})


@router.post("", status_code=201, operation_id="addPlaybackId", summary="One more address to play a media under")
async def add(media_id: UUID, services: Injected, body: PlaybackIdCreate | None = None) -> PlaybackIdEnvelope:
    """Its policy stays what it is, since caches may keep what was public: for another, add another."""
    policy = body.policy if body else Policy.PUBLIC
    return PlaybackIdEnvelope(
        data=PlaybackIdOut(id=await services.catalog.playback.add(media_id, policy), policy=policy)
    )


@router.delete("/{playback_id}", status_code=204, operation_id="revokePlaybackId", summary="Take an address back")
async def revoke(media_id: UUID, playback_id: str, services: Injected) -> Response:
    """Nothing is played under it any more, a second later at the most. The media stays as it is."""
    await services.catalog.playback.revoke(media_id, playback_id)
    services.playbacks.forget(media_id)
    return Response(status_code=204)
