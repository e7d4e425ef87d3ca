"""Playback tokens: JSON Web Tokens (RFC 7519) by which a back end lets one viewer play one signed playback id."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, TypeVar
from urllib.parse import urlsplit

import jwt
from fastapi import Request
from jwt.types import Options

from gilfoyle.api.addresses import Addresses
from gilfoyle.catalog import Catalog
from gilfoyle.catalog.signing import Algorithm, SigningKey
from gilfoyle.errors import Forbidden, NotFound

T = TypeVar("T")

MOST_CHARS = 4096
REMEMBER_S = 2.0
"""How long another process may take to see that a signing key was revoked (seconds)."""
_MOST = 10_000
_KID = re.compile(r"[A-Za-z0-9_-]{1,40}")
# `exp` and what a token is for are checked each time, its signature once.
_OPTIONS: Options = {"require": ["exp"], "verify_exp": False, "verify_aud": False, "verify_iat": False}
# What PyJWT raises for what is no token, and what it lets through: absurd numbers, and JSON that is nested too deep.
_FAULTS = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)


class Viewer:
    """Whoever asks to play something, with the token that was sent."""

    def __init__(self, request: Request, addresses: Addresses, token: str) -> None:
        self.token = token
        self._request = request
        self._addresses = addresses

    @property
    def address(self) -> str:
        return self._addresses.client(self._request.scope)

    @property
    def site(self) -> str:
        """The host of the page that plays it, as the browser says; empty if it does not."""
        try:
            return urlsplit(self._request.headers.get("referer", "")).hostname or ""
        except ValueError:
            return ""


@dataclass(frozen=True)
class _Key:
    """A signing key, for as long as the catalog need not be asked again."""

    row: SigningKey
    prepared: Any
    """As PyJWT checks fastest with it."""
    until: float


@dataclass(frozen=True)
class _Token:
    """What a token says, for as long as its key is known to be good."""

    key: _Key
    claims: Mapping[str, Any]


class Tokens:
    """Checks tokens. Keys that are good are remembered for `remember_s`, and the tokens that they signed with them."""

    def __init__(self, catalog: Catalog, remember_s: float = REMEMBER_S) -> None:
        self._catalog = catalog
        self._remember_s = remember_s
        self._keys: dict[str, _Key] = {}
        self._tokens: dict[str, _Token] = {}

    async def check(self, viewer: Viewer, playback_id: str, project: str) -> None:
        """Raises Forbidden if the viewer's token does not allow that playback id of that project."""
        if not viewer.token:
            raise _refused("missing", "It is played with a token only: ask whoever showed you this address.")
        token = self._tokens.get(viewer.token)
        if token is None or token.key.until <= time.monotonic():
            token = await self._verified(viewer.token)
        if token.key.row.project != project:
            raise _invalid("its key is unknown")
        _check_claims(token.claims, viewer, playback_id)

    def forget(self, key_id: str | None = None) -> None:
        """Ask again at the next request: that key, or any, was revoked or deleted."""
        self._keys = {kid: key for kid, key in self._keys.items() if key_id not in (None, kid)}
        self._tokens = {name: token for name, token in self._tokens.items() if key_id not in (None, token.key.row.id)}

    async def _verified(self, token: str) -> _Token:
        if len(token) > MOST_CHARS:
            raise _invalid(f"it is longer than {MOST_CHARS} characters")
        try:
            kid = jwt.get_unverified_header(token).get("kid")
        except _FAULTS as error:
            raise _invalid("it is no JSON Web Token") from error
        key = await self._key(kid)
        try:
            # The key says how its tokens are signed; what a token says of that counts for nothing.
            claims = jwt.decode(token, key.prepared, algorithms=[key.row.algorithm], options=_OPTIONS)
            claims["exp"] = int(claims["exp"])
        except jwt.ImmatureSignatureError as error:
            raise _invalid("it is not valid yet") from error
        except jwt.MissingRequiredClaimError as error:
            raise _invalid("it does not say when it expires") from error
        except _FAULTS as error:
            raise _invalid("its signature does not fit, or a claim can't be read") from error
        return _remember(self._tokens, token, _Token(key, claims))

    async def _key(self, kid: object) -> _Key:
        if not isinstance(kid, str) or not _KID.fullmatch(kid):
            raise _invalid("it does not name its key by kid")
        known = self._keys.get(kid)
        if known is not None and known.until > time.monotonic():
            return known
        self._keys.pop(kid, None)
        try:
            row = await self._catalog.signing_keys.get(kid)
        except NotFound as error:
            raise _invalid("its key is unknown") from error
        if row.revoked_at is not None:
            raise _refused("revoked", "The key that signed the token was revoked: ask for another token.")
        material = (row.secret if row.algorithm == Algorithm.HS256 else row.public_key) or ""
        prepared = jwt.get_algorithm_by_name(row.algorithm).prepare_key(material)
        return _remember(self._keys, kid, _Key(row, prepared, time.monotonic() + self._remember_s))


def _remember(cache: dict[str, T], name: str, known: T) -> T:
    if len(cache) >= _MOST:
        cache.clear()
    cache[name] = known
    return known


def _check_claims(claims: Mapping[str, Any], viewer: Viewer, playback_id: str) -> None:
    if claims["exp"] <= time.time():
        raise _refused("expired", "The token has expired: ask for another one.")
    named = [_texts(claims[name]) for name in ("aud", "sub") if name in claims]
    if not named or not all(playback_id in ids for ids in named):
        raise _refused("other_media", "The token is for another playback id.")
    if "ip" in claims and not _lies_in(viewer.address, _texts(claims["ip"])):
        raise _refused("other_address", "The token is for another network address.")
    if "referrer" in claims and not any(_is_of(viewer.site, site) for site in _texts(claims["referrer"])):
        raise _refused("other_site", "The token is for pages of another site.")


def _texts(claim: object) -> list[str]:
    """A claim that is one text or a list of them; what is neither fits nothing."""
    return [each for each in (claim if isinstance(claim, list) else [claim]) if isinstance(each, str)]


def _lies_in(address: str, networks: list[str]) -> bool:
    try:
        own = ip_address(address)
        if isinstance(own, IPv6Address):
            own = own.ipv4_mapped or own
        return any(own in ip_network(each, strict=False) for each in networks)
    except ValueError:
        return False


def _is_of(host: str, site: str) -> bool:
    """Whether the host is that site's, or below it, for `*.example.org`."""
    site = site.lower()
    return bool(host) and (host == site or (site.startswith("*.") and host.endswith(site[1:])))


def _invalid(reason: str) -> Forbidden:
    return _refused("invalid", f"The token is not valid: {reason}.")


def _refused(kind: str, sentence: str) -> Forbidden:
    return Forbidden(sentence, code=f"token_{kind}")
