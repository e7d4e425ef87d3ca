"""API keys: made, shown, changed and taken away."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from gilfoyle.api import examples
from gilfoyle.api.auth import Caller
from gilfoyle.api.envelope import Envelope
from gilfoyle.api.schemas import Expiry, storable
from gilfoyle.api.services import BaseUrl, Injected
from gilfoyle.catalog import Key, Scope
from gilfoyle.errors import InvalidRequest, NotFound

router = APIRouter(prefix="/v1/keys", tags=["keys"])

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), AfterValidator(storable)]


class KeyCreate(BaseModel):
    """A new key."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.KEY_CREATE]})

    name: Name = Field(description="what it is for")
    scope: Scope = Field(Scope.READ, description="what it allows: each scope includes those before it")
    project: str | None = Field(None, max_length=40, description="the project to which it is bound; null: all")
    expires_at: Expiry | None = Field(None, description="when it stops being good; null: never")


class KeyEdit(BaseModel):
    """What is to be changed; what is left out stays, and null takes `expires_at` away."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.KEY_EDIT]})

    name: Name | None = None
    expires_at: Expiry | None = None


class KeyOut(BaseModel):
    """A key, without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.KEY]})

    id: UUID
    name: str
    prefix: str = Field(description="the beginning of the secret, to recognise it by")
    scope: Scope
    project: str | None = Field(description="the project to which it is bound; null: all")
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="to within a minute")
    created_at: datetime


class KeyMade(KeyOut):
    """A key that was just made."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.KEY_MADE]})

    secret: str = Field(description="the key itself: shown now, and never again")


class KeyEnvelope(Envelope[KeyOut]):
    """One key."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.KEY)]})


class KeyMadeEnvelope(Envelope[KeyMade]):
    """One key, with its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.KEY_MADE)]})


class KeysEnvelope(Envelope[list[KeyOut]]):
    """All keys."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope([examples.KEY])]})


@router.post("", status_code=201, operation_id="createKey", summary="Make an API key")
async def create(
    body: KeyCreate, caller: Caller, services: Injected, base_url: BaseUrl, response: Response
) -> KeyMadeEnvelope:
    """Its secret is in this answer and nowhere else. A caller that is bound to a project makes keys of that one."""
    project = body.project or caller.only
    if project is not None and not caller.sees(project):
        raise NotFound(f"There is no project {project}.")
    key, secret = await services.catalog.keys.create(body.name, body.scope, project, body.expires_at)
    response.headers["Location"] = f"{base_url}/v1/keys/{key.id}"
    response.headers["Cache-Control"] = "no-store"
    return KeyMadeEnvelope(data=KeyMade(**_facts(key), secret=secret))


@router.get("", operation_id="listKeys", summary="All API keys, the newest first")
async def index(caller: Caller, services: Injected) -> KeysEnvelope:
    return KeysEnvelope(data=[KeyOut(**_facts(key)) for key in await services.catalog.keys.all(caller.only)])


@router.get("/{key_id}", operation_id="getKey", summary="One API key")
async def show(key_id: UUID, caller: Caller, services: Injected) -> KeyEnvelope:
    return _shown(await services.catalog.keys.get(key_id, caller.only))


@router.patch("/{key_id}", operation_id="editKey", summary="Change a key's name, or when it expires")
async def edit(key_id: UUID, body: KeyEdit, caller: Caller, services: Injected) -> KeyEnvelope:
    changes = body.model_dump(exclude_unset=True)
    if "name" in changes and changes["name"] is None:
        raise InvalidRequest("name can't be null.", fields={"name": "can't be null"})
    key = await services.catalog.keys.edit(key_id, caller.only, changes)
    services.keyring.forget(key_id)
    return _shown(key)


@router.post("/{key_id}/revoke", operation_id="revokeKey", summary="Refuse a key from now on")
async def revoke(key_id: UUID, caller: Caller, services: Injected) -> KeyEnvelope:
    """Every process refuses it within 3 s. It stays in the list, and can't be made good again."""
    key = await services.catalog.keys.revoke(key_id, caller.only)
    services.keyring.forget(key_id)
    return _shown(key)


@router.delete("/{key_id}", status_code=204, operation_id="deleteKey", summary="Remove a key")
async def delete(key_id: UUID, caller: Caller, services: Injected) -> Response:
    """As `revokeKey`, and it is not in the list any more."""
    await services.catalog.keys.delete(key_id, caller.only)
    services.keyring.forget(key_id)
    return Response(status_code=204)


def _shown(key: Key) -> KeyEnvelope:
    return KeyEnvelope(data=KeyOut(**_facts(key)))


def _facts(key: Key) -> dict[str, object]:
    return key.model_dump(include=set(KeyOut.model_fields))
