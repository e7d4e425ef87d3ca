"""The API server, as a caller who may do everything."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from gilfoyle.errors import StartupError

MERGE = "application/merge-patch+json"


class Client:
    """Close it when done."""

    def __init__(self, url: str, token: str, authority: Path) -> None:
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            verify=ssl.create_default_context(cafile=str(authority)),
            timeout=20,
            trust_env=False,
        )

    async def get(self, path: str, **parameters: str) -> Any:
        """Raises StartupError, as all of these do, if it is not done."""
        return await self._call("GET", path, parameters)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return await self._call("POST", path, {}, body)

    async def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        return await self._call("PATCH", path, {}, body, MERGE)

    async def delete(self, path: str, **parameters: str) -> Any:
        return await self._call("DELETE", path, parameters)

    async def close(self) -> None:
        await self._http.aclose()

    async def _call(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        kind: str = "application/json",
    ) -> Any:
        try:
            answer = await self._http.request(
                method, path, params=parameters, json=body, headers={"Content-Type": kind}
            )
        except httpx.HTTPError as error:
            raise StartupError(f"{method} {path}: the API server does not answer ({error!r}).") from error
        if answer.is_error:
            raise StartupError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json()
