"""Signing keys: with them an application signs tokens for who may play its signed playback ids."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from gilfoyle.api import examples, key_pairs
from gilfoyle.api.auth import Caller
from gilfoyle.api.envelope import Envelope
from gilfoyle.api.keys import Name
from gilfoyle.api.services import BaseUrl, Injected
from gilfoyle.catalog.signing import Algorithm, SigningKey

router = APIRouter(prefix="/v1/signing-keys", tags=["keys"])

Id = Annotated[str, Path(max_length=100, description="the `kid` of its tokens")]


class SigningKeyCreate(BaseModel):
    """A new signing key: made here, or one of which you keep the private half."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.SIGNING_KEY_CREATE]})

    algorithm: Algorithm = Field(Algorithm.EDDSA, description="the only one that its tokens may have")
    name: Name = Field("playback", description="what it is for")
    public_key: str | None = Field(None, max_length=10_000, description="of your own pair, as PEM; null: make one")
    project: str | None = Field(None, max_length=40, description="whose medias it is for; null: the caller's")


class SigningKeyOut(BaseModel):
    """A signing key, without what tokens are signed with."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SIGNING_KEY]})

    id: str = Field(description="the `kid` of its tokens")
    name: str
    algorithm: Algorithm
    project: str = Field(description="whose medias its tokens are for")
    public_key: str | None = Field(description="as PEM; null for HS256")
    revoked_at: datetime | None
    created_at: datetime


class SigningKeyMade(SigningKeyOut):
    """A signing key that was just made."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SIGNING_KEY_MADE]})

    secret: str | None = Field(description="of HS256, the text itself is the key: shown now, and never again")
    private_key: str | None = Field(description="as PEM, if the pair was made here: shown now, and kept nowhere")


class SigningKeyEnvelope(Envelope[SigningKeyOut]):
    """One signing key."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.SIGNING_KEY)]})


class SigningKeyMadeEnvelope(Envelope[SigningKeyMade]):
    """One signing key, with what tokens are signed with."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.SIGNING_KEY_MADE)]})


class SigningKeysEnvelope(Envelope[list[SigningKeyOut]]):
    """All signing keys."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope([examples.SIGNING_KEY])]})


@router.post("", status_code=201, operation_id="createSigningKey", summary="Make a key to sign playback tokens with")
async def create(
    body: SigningKeyCreate, caller: Caller, services: Injected, base_url: BaseUrl, response: Response
) -> SigningKeyMadeEnvelope:
    """What tokens are signed with is in this answer and nowhere else. A project may have several, to rotate them."""
    project = caller.project_named(body.project)
    if body.public_key is None:
        pair = await asyncio.to_thread(key_pairs.make, body.algorithm)
    else:
        pair = key_pairs.taken(body.algorithm, body.public_key)
    key = await services.catalog.signing_keys.create(
        SigningKey(
            project=project,
            name=body.name,
            algorithm=body.algorithm,
            secret=pair.secret,
            public_key=pair.public_key,
        )
    )
    response.headers["Location"] = f"{base_url}/v1/signing-keys/{key.id}"
    response.headers["Cache-Control"] = "no-store"
    made = SigningKeyMade(**_out(key).model_dump(), secret=pair.secret, private_key=pair.private_key)
    return SigningKeyMadeEnvelope(data=made)


@router.get("", operation_id="listSigningKeys", summary="All signing keys, the newest first")
async def index(caller: Caller, services: Injected) -> SigningKeysEnvelope:
    return SigningKeysEnvelope(data=[_out(key) for key in await services.catalog.signing_keys.all(caller.only)])


@router.get("/{key_id}", operation_id="getSigningKey", summary="One signing key")
async def show(key_id: Id, caller: Caller, services: Injected) -> SigningKeyEnvelope:
    return SigningKeyEnvelope(data=_out(await services.catalog.signing_keys.get(key_id, caller.only)))


@router.post("/{key_id}/revoke", operation_id="revokeSigningKey", summary="Refuse a signing key's tokens from now on")
async def revoke(key_id: Id, caller: Caller, services: Injected) -> SigningKeyEnvelope:
    """Every process refuses them within 3 s, also for who is watching. The key can't be made good again."""
    key = await services.catalog.signing_keys.revoke(key_id, caller.only)
    services.tokens.forget(key_id)
    return SigningKeyEnvelope(data=_out(key))


@router.delete("/{key_id}", status_code=204, operation_id="deleteSigningKey", summary="Remove a signing key")
async def delete(key_id: Id, caller: Caller, services: Injected) -> Response:
    """As `revokeSigningKey`, and it is not in the list any more."""
    await services.catalog.signing_keys.delete(key_id, caller.only)
    services.tokens.forget(key_id)
    return Response(status_code=204)


def _out(key: SigningKey) -> SigningKeyOut:
    return SigningKeyOut(**key.model_dump(include=set(SigningKeyOut.model_fields)))
