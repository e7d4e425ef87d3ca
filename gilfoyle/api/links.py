"""Links to the source of a media: a time, and an HMAC (RFC 2104) of that time, the media and its upload.

Each media has a secret of its own, made with its first link: without it no link of that media is good any more. So one
needs no table of links, and nobody who reads one can prolong it or ask for another file.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import datetime

from gilfoyle.catalog import Media
from gilfoyle.errors import Forbidden


def token(media: Media, secret: str, expires_at: datetime) -> str:
    """What the address of a link ends with."""
    until = str(int(expires_at.timestamp()))
    return f"{until}.{_signature(media, secret, until)}"


def check(given: str, media: Media) -> None:
    """Raises Forbidden for a token that is not good for the media's file of now."""
    until, _, signature = given.partition(".")
    secret = media.link_secret
    # As bytes: of texts, compare_digest takes ASCII only.
    if not secret or not hmac.compare_digest(_signature(media, secret, until).encode(), signature.encode()):
        raise invalid()
    if int(until) <= time.time():
        raise Forbidden("The link has expired: ask for another one.", code="link_expired")


def invalid() -> Forbidden:
    """The error for what is no link of ours, or none any more."""
    return Forbidden(
        "The link is not valid: it is not as it was given out, was taken back, or its file was replaced.",
        code="link_invalid",
    )


def _signature(media: Media, secret: str, until: str) -> str:
    message = f"{media.id}/{media.upload}/{until}".encode("utf-8", "replace")
    digest = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
