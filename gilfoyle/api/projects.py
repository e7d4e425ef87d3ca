"""Projects: the namespaces of applications that share a server."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gilfoyle.api import examples
from gilfoyle.api.auth import Caller
from gilfoyle.api.envelope import Envelope
from gilfoyle.api.keys import Name
from gilfoyle.api.services import BaseUrl, Injected
from gilfoyle.catalog import Project
from gilfoyle.catalog.projects import SLUG
from gilfoyle.errors import NotFound

router = APIRouter(prefix="/v1/projects", tags=["projects"])

Id = Annotated[str, Path(max_length=100)]
_SLUG = "1 to 40 small letters, digits and hyphens"


class ProjectCreate(BaseModel):
    """A new project."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.PROJECT_CREATE]})

    id: Annotated[str, StringConstraints(pattern=SLUG)] = Field(description=_SLUG)
    name: Name | None = Field(None, description="what people read; the id, if there is none")


class ProjectEdit(BaseModel):
    """What is to be changed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.PROJECT_EDIT]})

    name: Name


class ProjectOut(BaseModel):
    """A namespace of medias and keys."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PROJECT]})

    id: str
    name: str
    created_at: datetime


class ProjectEnvelope(Envelope[ProjectOut]):
    """One project."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.PROJECT)]})


class ProjectsEnvelope(Envelope[list[ProjectOut]]):
    """All projects."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope([examples.PROJECT])]})


@router.post("", status_code=201, operation_id="createProject", summary="Make a project")
async def create(
    body: ProjectCreate, caller: Caller, services: Injected, base_url: BaseUrl, response: Response
) -> ProjectEnvelope:
    """Refused (403): a caller that is bound to a project."""
    caller.require_all_projects()
    project = await services.catalog.projects.create(body.id, body.name or "")
    response.headers["Location"] = f"{base_url}/v1/projects/{project.id}"
    return _shown(project)


@router.get("", operation_id="listProjects", summary="All projects, by their ids")
async def index(caller: Caller, services: Injected) -> ProjectsEnvelope:
    """Of a caller that is bound to a project, that one."""
    return ProjectsEnvelope(data=[_out(each) for each in await services.catalog.projects.all(caller.only)])


@router.get("/{project_id}", operation_id="getProject", summary="One project")
async def show(project_id: Id, caller: Caller, services: Injected) -> ProjectEnvelope:
    _require_seen(caller, project_id)
    return _shown(await services.catalog.projects.get(project_id))


@router.patch("/{project_id}", operation_id="editProject", summary="Change a project's name")
async def edit(project_id: Id, body: ProjectEdit, caller: Caller, services: Injected) -> ProjectEnvelope:
    _require_seen(caller, project_id)
    return _shown(await services.catalog.projects.rename(project_id, body.name))


@router.delete("/{project_id}", status_code=204, operation_id="deleteProject", summary="Remove a project and its keys")
async def delete(project_id: Id, caller: Caller, services: Injected) -> Response:
    """Refused: one that has medias, and `default` (409); a caller that is bound to a project (403)."""
    caller.require_all_projects()
    await services.catalog.projects.delete(project_id)
    services.keyring.forget_all()
    services.tokens.forget()
    return Response(status_code=204)


def _require_seen(caller: Caller, project: str) -> None:
    if not caller.sees(project):
        raise NotFound(f"There is no project {project}.")


def _shown(project: Project) -> ProjectEnvelope:
    return ProjectEnvelope(data=_out(project))


def _out(project: Project) -> ProjectOut:
    return ProjectOut(**project.model_dump())
