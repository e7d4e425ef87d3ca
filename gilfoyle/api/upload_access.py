"""Who may do what with one upload: whoever has its token, or a key of its project."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Request

from gilfoyle.api.auth import Keyed, caller_of, needed
from gilfoyle.api.services import Injected
from gilfoyle.catalog import UploadSession
from gilfoyle.catalog.upload_sessions import TOKEN_PREFIX, no_upload
from gilfoyle.errors import Forbidden


def token_of(authorization: str, query: str) -> str:
    """The token of an upload in a request; empty without one."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer" and credentials.strip().startswith(TOKEN_PREFIX):
        return credentials.strip()
    return query


class _SessionOf(Keyed):
    """The upload of the path, for whoever may do something with it."""

    async def __call__(
        self,
        upload_id: str,
        request: Request,
        services: Injected,
        token: Annotated[str, Query(description="of the upload; it may be sent as `Authorization: Bearer`, too")] = "",
    ) -> UploadSession:
        """The upload of the path. With its token no key is needed.

        Raises NotFound, Unauthorized; Forbidden for another token, or a key that does not allow it.
        """
        if shown := token_of(request.headers.get("authorization", ""), token):
            upload = await services.catalog.upload_sessions.get(upload_id)
            if not upload.admits(shown):
                raise Forbidden("The token is not that of this upload.")
            return upload
        caller = await caller_of(request)
        caller.require(needed(request))
        upload = await services.catalog.upload_sessions.get(upload_id)
        if not caller.sees(upload.project):
            raise no_upload()
        return upload


Session = Annotated[UploadSession, Depends(_SessionOf())]
"""The type of a route's parameter that receives the upload of its path."""
