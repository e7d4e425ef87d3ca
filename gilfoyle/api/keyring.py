"""The keys that callers send, looked up in the catalog and remembered for a moment."""

from __future__ import annotations

import asyncio
import hmac
import time
from datetime import timedelta
from uuid import UUID

from gilfoyle.catalog import Catalog, Key, Scope
from gilfoyle.catalog.keys import USED_S, hash_of
from gilfoyle.catalog.models import now
from gilfoyle.errors import Unauthorized

REMEMBER_S = 2.0
"""How long another process may take to see that a key was revoked (seconds)."""
_MOST = 10_000
_ADMIN_ID = UUID(int=0)


class KeyRing:
    """Looks keys up. Those that are good are remembered for `remember_s`, so that most requests ask nothing.

    Others are not remembered: a key that was just made is good at once, and guesses fill no memory. Those who ask for
    the same key at the same time, as streams of events do, share one look-up.
    """

    def __init__(self, catalog: Catalog, admin_key: str = "", remember_s: float = REMEMBER_S) -> None:
        self._catalog = catalog
        self._admin_hash = hash_of(admin_key) if admin_key else ""
        self._remember_s = remember_s
        self._known: dict[str, tuple[float, Key]] = {}
        self._asked: dict[str, asyncio.Task[Key]] = {}

    async def key(self, secret: str) -> Key:
        """The key with that secret. Raises Unauthorized if it is none, was revoked or has expired."""
        hashed = hash_of(secret)
        if self._admin_hash and hmac.compare_digest(hashed, self._admin_hash):
            return Key(id=_ADMIN_ID, prefix="", hash="", name="auth.admin_key", scope=Scope.ADMIN)
        known = self._known.get(hashed)
        if known is None or known[0] <= time.monotonic():
            key = await self._ask(hashed, secret)
            if len(self._known) >= _MOST:
                self._known.clear()
            known = self._known[hashed] = (time.monotonic() + self._remember_s, key)
        if known[1].has_expired:
            raise Unauthorized("The API key has expired: make another.", code="key_expired")
        return known[1]

    def forget(self, key_id: UUID) -> None:
        """Ask again at the next request: the key was revoked or changed."""
        self._known = {hashed: known for hashed, known in self._known.items() if known[1].id != key_id}

    def forget_all(self) -> None:
        """As `forget`, of every key."""
        self._known.clear()

    async def _ask(self, hashed: str, secret: str) -> Key:
        """What a look-up under way finds, or one that begins. It goes on if whoever began it leaves."""
        asked = self._asked.get(hashed)
        if asked is None:
            asked = self._asked[hashed] = asyncio.create_task(self._look_up(secret))
            asked.add_done_callback(lambda done: self._done(hashed, done))
        return await asyncio.shield(asked)

    def _done(self, hashed: str, asked: asyncio.Task[Key]) -> None:
        del self._asked[hashed]
        if not asked.cancelled():
            asked.exception()  # nobody may be left to be told

    async def _look_up(self, secret: str) -> Key:
        self._known.pop(hash_of(secret), None)
        key = await self._catalog.keys.by_secret(secret)
        if key is None:
            raise Unauthorized("There is no such API key.", code="key_unknown")
        if key.revoked_at is not None:
            raise Unauthorized("The API key was revoked: make another.", code="key_revoked")
        if key.last_used_at is None or key.last_used_at < now() - timedelta(seconds=USED_S):
            await self._catalog.keys.used(key.id)
        return key
