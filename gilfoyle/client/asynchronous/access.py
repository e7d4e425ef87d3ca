"""Who may call the API and who may play: keys, projects, signing keys."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from gilfoyle.client.asynchronous.connection import Connection, element
from gilfoyle.client.models import Key, KeyMade, Project, SigningKey, SigningKeyMade


class AsyncKeys:
    """`client.keys`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, name: str, scope: str = "read", **fields: Any) -> KeyMade:
        """A new key, whose `secret` is shown now, and never again. `fields`: `project`, `expires_at`."""
        body = {"name": name, "scope": scope, **fields}
        return KeyMade.model_validate(await self._connection.data("POST", "/v1/keys", json=body))

    async def all(self) -> list[Key]:
        """The newest first."""
        return [Key.model_validate(each) for each in await self._connection.data("GET", "/v1/keys")]

    async def get(self, key_id: UUID | str) -> Key:
        """Raises NotFound."""
        return Key.model_validate(await self._connection.data("GET", f"/v1/keys/{element(key_id)}"))

    async def edit(self, key_id: UUID | str, **changes: Any) -> Key:
        """Change `name` or `expires_at`."""
        return Key.model_validate(await self._connection.data("PATCH", f"/v1/keys/{element(key_id)}", json=changes))

    async def revoke(self, key_id: UUID | str) -> Key:
        """Nothing is answered to it any more."""
        return Key.model_validate(await self._connection.data("POST", f"/v1/keys/{element(key_id)}/revoke"))

    async def delete(self, key_id: UUID | str) -> None:
        """Remove it altogether."""
        await self._connection.data("DELETE", f"/v1/keys/{element(key_id)}")


class AsyncProjects:
    """`client.projects`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, project_id: str, name: str | None = None) -> Project:
        """A namespace of its own. Raises Conflict if there is one of that id."""
        body = {"id": project_id, "name": name}
        return Project.model_validate(await self._connection.data("POST", "/v1/projects", json=body))

    async def all(self) -> list[Project]:
        """Those that the key may see."""
        return [Project.model_validate(each) for each in await self._connection.data("GET", "/v1/projects")]

    async def get(self, project_id: str) -> Project:
        """Raises NotFound."""
        return Project.model_validate(await self._connection.data("GET", f"/v1/projects/{element(project_id)}"))

    async def rename(self, project_id: str, name: str) -> Project:
        """Only its name changes, never its id."""
        path = f"/v1/projects/{element(project_id)}"
        return Project.model_validate(await self._connection.data("PATCH", path, json={"name": name}))

    async def delete(self, project_id: str) -> None:
        """Raises Conflict if it is not empty."""
        await self._connection.data("DELETE", f"/v1/projects/{element(project_id)}")


class AsyncSigningKeys:
    """`client.signing_keys`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, **fields: Any) -> SigningKeyMade:
        """A key to sign playback tokens with; its secret half is shown now, and never again."""
        return SigningKeyMade.model_validate(await self._connection.data("POST", "/v1/signing-keys", json=fields))

    async def all(self) -> list[SigningKey]:
        """The newest first."""
        return [SigningKey.model_validate(each) for each in await self._connection.data("GET", "/v1/signing-keys")]

    async def get(self, key_id: str) -> SigningKey:
        """Raises NotFound."""
        return SigningKey.model_validate(await self._connection.data("GET", f"/v1/signing-keys/{element(key_id)}"))

    async def revoke(self, key_id: str) -> SigningKey:
        """Nothing plays any more by the tokens that it signed."""
        path = f"/v1/signing-keys/{element(key_id)}/revoke"
        return SigningKey.model_validate(await self._connection.data("POST", path))

    async def delete(self, key_id: str) -> None:
        """Remove it altogether."""
        await self._connection.data("DELETE", f"/v1/signing-keys/{element(key_id)}")
