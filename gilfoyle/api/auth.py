"""Who calls the API, and what that caller may see and do.

Whoever includes a router says by a dependency what its routes need: `guard`, `guard_admin` or `guard_all`. A key comes
as `Authorization: Bearer KEY`, or as the password of HTTP Basic, which every HTTP client can send: `curl -u :KEY`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer as BearerModel
from fastapi.security.base import SecurityBase

from gilfoyle.api.services import Services
from gilfoyle.catalog import DEFAULT_PROJECT, Scope
from gilfoyle.errors import Forbidden, InvalidRequest, NotFound, Unauthorized

_READING = {"GET", "HEAD"}
_CALLER = "gilfoyle.caller"


@dataclass(frozen=True)
class Principal:
    """Whoever calls."""

    scope: Scope
    only: str | None = None
    """The project to which the caller is bound; None: all of them."""

    @property
    def project(self) -> str:
        """The project that new things belong to."""
        return self.only or DEFAULT_PROJECT

    def project_named(self, project: str | None) -> str:
        """The project that was named for something, or `project`. Raises NotFound for one that the caller can't see."""
        if project and not self.sees(project):
            raise NotFound(f"There is no project {project}.")
        return project or self.project

    def sees(self, project: str) -> bool:
        """Whether things of that project exist for the caller."""
        return self.only is None or self.only == project

    def require(self, scope: Scope) -> None:
        """Raises Forbidden if the caller's key does not allow that."""
        if not self.scope.includes(scope):
            raise Forbidden(
                f"That needs a key of scope {scope}, and this one's is {self.scope}.", code=f"needs_{scope}"
            )

    def require_all_projects(self) -> None:
        """Raises Forbidden for a caller that is bound to a project."""
        if self.only is not None:
            raise Forbidden(
                f"That needs a key for all projects, and this one is bound to {self.only}.", code="needs_all_projects"
            )


ANYONE = Principal(Scope.ADMIN)
"""Every caller where keys are not asked for."""


async def caller_of(request: Request) -> Principal:
    """Raises Unauthorized without a key that is good."""
    if _CALLER not in request.scope:
        request.scope[_CALLER] = await _authenticated(request)
    caller: Principal = request.scope[_CALLER]
    return caller


async def recheck_of(request: Request) -> Callable[[], Awaitable[Principal]]:
    """For answers that go on for long: raises Unauthorized once the caller's key is not good any more."""
    return partial(_authenticated, request)


Caller = Annotated[Principal, Depends(caller_of)]
"""The type of a route's parameter that receives who calls."""
Recheck = Annotated[Callable[[], Awaitable[Principal]], Depends(recheck_of)]
"""The type of a route's parameter that looks again who calls."""


class Keyed(SecurityBase):
    """A dependency that asks for a key, as the API's description says of every route that has one."""

    model = BearerModel(description="an API key; it may also be sent as the password of HTTP Basic")
    scheme_name = "key"


class Guard(Keyed):
    """A dependency that lets through who calls with a key, if `check` has nothing against it.

    One object instead of a tree of dependencies, each of which FastAPI would solve for 15 µs.
    """

    def __init__(
        self,
        check: Callable[[Request, Principal], Awaitable[None]],
        then: Callable[[Request], Awaitable[None]] | None = None,
    ) -> None:
        self._check = check
        self._then = then

    async def __call__(self, request: Request) -> None:
        """Raises Unauthorized, and what `check` and `then` raise."""
        await self._check(request, await caller_of(request))
        if self._then is not None:
            await self._then(request)

    def before(self, then: Callable[[Request], Awaitable[None]]) -> Guard:
        """This guard, and then another dependency."""
        return Guard(self._check, then)


def needed(request: Request) -> Scope:
    """Reading needs the scope `read`, all else `write`."""
    return Scope.READ if request.method in _READING else Scope.WRITE


async def _manages(request: Request, caller: Principal) -> None:
    caller.require(needed(request))
    if caller.only is not None and "media_id" in request.path_params:
        services: Services = request.app.state.services
        await services.catalog.projects.require(caller.only, _media_id(request.path_params["media_id"]))


def _media_id(text: str) -> UUID:
    """Refused here what is none, and not left to the route: what that takes for an id must have been looked at."""
    try:
        return UUID(text)
    except ValueError as error:
        fault = "must be a UUID"
        raise InvalidRequest(f"The request is not valid: media_id {fault}.", fields={"media_id": fault}) from error


async def _administers(request: Request, caller: Principal) -> None:
    caller.require(Scope.ADMIN)


async def _sees_all(request: Request, caller: Principal) -> None:
    caller.require_all_projects()


guard = Guard(_manages)
"""Reading needs the scope `read`, all else `write`. A media in the path that is of another project is not found."""
guard_admin = Guard(_administers)
"""Whatever is done needs the scope `admin`."""
guard_all = Guard(_sees_all)
"""Any key, for all projects."""


async def _authenticated(request: Request) -> Principal:
    services: Services = request.app.state.services
    if not services.asks_for_keys:
        return ANYONE
    secret = _secret(request.headers.get("authorization", ""))
    if not secret:
        raise Unauthorized(
            "Send an API key, as `Authorization: Bearer KEY`; `gilfoyle keys create` makes one.", code="key_missing"
        )
    key = await services.keyring.key(secret)
    return Principal(Scope(key.scope), key.project)


def _secret(authorization: str) -> str:
    """The key of a header (RFC 6750, 2.1; RFC 7617, 2): of Basic the password, or the user if that is empty."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return ""
    return password or user
